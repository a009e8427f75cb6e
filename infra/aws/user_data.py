"""What an instance runs at its first boot: a script that carries infra/aws/node and the join script."""

from __future__ import annotations

import base64
import bz2
import hashlib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi

from infra.swarm import Role
from runtime.names import REGISTRY_PORT

LIMIT = 16 * 1024  # bytes that EC2 takes
INFRA = Path(__file__).resolve().parents[1]
HOME = "/usr/local/lib/oodt/infra"  # on the instance; module names are those of this repository

SHARE = "/shared-data"
MEMBERSHIP_FILE = "/var/lib/docker/node/swarm"
HOST_KEY_FILE = "/etc/ssh/ssh_host_ed25519_key.pub"

JOIN = "node/join.py"
COMMAND_LINE = "\n\nclass FileStore:"  # and what follows is for targets whose token store is a file
# What handles the join token is plain text, for whoever reads the user data.
PLAIN = (JOIN, "aws/node/parameter.py")
PACKED: dict[Role, tuple[str, ...]] = {
    "manager": ("aws/node/mounts.sh", "aws/node/manager.py"),
    "worker": ("aws/node/mounts.sh", "aws/node/metadata.py", "aws/node/worker.py"),
}
UNPACK = "import base64, bz2, sys; print(bz2.decompress(base64.b64decode(sys.stdin.read())).decode())"


class UserDataError(ValueError):
    """The script has become longer than EC2 takes."""


def manager(
    *, group: str, hook: str, pool: str, patience: int, variables: Mapping[str, pulumi.Input[str]]
) -> pulumi.Output[str]:
    """The manager's script; ``group`` and ``hook`` are those that it answers for its workers.

    The networks of a new swarm take their addresses from ``pool``.
    """
    options = ["--host-key-file", HOST_KEY_FILE, "--group", group, "--hook", hook]
    options += ["--pool", pool] if pool else []
    return _rendered("manager", options, patience, variables)


def worker(*, patience: int, variables: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """A worker's script; it waits ``patience`` seconds for its drain when it goes."""
    options = ["--membership-file", MEMBERSHIP_FILE, "--patience", str(patience)]
    return _rendered("worker", options, patience, variables)


def _rendered(
    role: Role, options: list[str], patience: int, variables: Mapping[str, pulumi.Input[str]]
) -> pulumi.Output[str]:
    known = {
        "ROLE": role,
        "SHARE": SHARE,
        "REGISTRY_PORT": str(REGISTRY_PORT),
        "PATIENCE": str(patience),
        "NODE_OPTIONS": shlex.join(options),
    }
    return pulumi.Output.all(**variables).apply(lambda found: script(role, {**known, **found}))


def script(role: Role, variables: Mapping[str, str | None]) -> str:
    """The whole script. Raises UserDataError."""
    parts = [
        "#!/bin/bash",
        f"# Makes an ECS-optimised Amazon Linux 2023 instance a {role} of the swarm. Runs once; what it",
        "# installs runs at every boot. Its parts are the project's own: infra/aws/node, infra/node/join.py.",
        "set -euo pipefail",
        *(f"{name}={shlex.quote(value or '')}" for name, value in variables.items()),
        f"mkdir -p {HOME}/node {HOME}/aws/node",
        *(_plain(name) for name in PLAIN),
        _packed(PACKED[role]),
        (INFRA / "aws/node/setup.sh").read_text(),
    ]
    text = "\n".join(parts)
    if len(text.encode()) > LIMIT:
        raise UserDataError(
            f"the {role}'s user data have {len(text.encode())} bytes, EC2 takes {LIMIT}: pack another file"
        )
    return text


def _plain(name: str) -> str:
    text = (INFRA / name).read_text()
    text = text.partition(COMMAND_LINE)[0] if name == JOIN else text
    return f"cat >{HOME}/{name} <<'END_OF_FILE'\n{text}END_OF_FILE"


def _packed(names: Sequence[str]) -> str:
    """Compressed, because everything as plain text would be too long; nothing in it sees the join token.

    By bzip2, whose output is the same everywhere: other bytes from another machine would replace every node.
    """
    content = base64.b64encode(bz2.compress("\n".join(map(_plain, names)).encode())).decode()
    lines = [
        "# Packed, for EC2 takes no more than 16 KB. The command before the pipe shows it; by sha256 it has",
        *(f"# {hashlib.sha256((INFRA / name).read_bytes()).hexdigest()} infra/{name}" for name in names),
        f"python3 -c '{UNPACK}' <<'END_OF_FILE' | bash -eu",
        content,
        "END_OF_FILE",
    ]
    return "\n".join(lines)
