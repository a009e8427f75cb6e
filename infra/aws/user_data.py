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

BOOT_LIMIT = 420  # seconds for the set-up at the first boot, and for the disks at each boot

SHARE = "/shared-data"
MEMBERSHIP_FILE = "/var/lib/docker/node/swarm"
HOST_KEY_FILE = "/etc/ssh/ssh_host_ed25519_key.pub"

JOIN = "node/join.py"
COMMAND_LINE = "\n\nclass FileStore:"  # and what follows is for targets whose token store is a file
COMMON = (JOIN, "aws/node/parameter.py", "aws/node/mounts.sh")
FILES: dict[Role, tuple[str, ...]] = {
    "manager": (*COMMON, "aws/node/manager.py"),
    "worker": (*COMMON, "aws/node/metadata.py", "aws/node/unhealthy.py", "aws/node/worker.py"),
}
SETUP = "aws/node/setup.sh"
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
        "BOOT_LIMIT": str(BOOT_LIMIT),
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
        _packed(FILES[role]),
        f". {HOME}/setup",
        "",
    ]
    text = "\n".join(parts)
    if len(text.encode()) > LIMIT:
        raise UserDataError(
            f"the {role}'s user data have {len(text.encode())} bytes, EC2 takes {LIMIT}: shorten its parts"
        )
    return text


def _packed(names: Sequence[str]) -> str:
    """The command that writes the files, and then does what is to be done at the first boot.

    Compressed by bzip2, whose output is the same everywhere: other bytes from another machine would replace
    every node. The output of gzip, which cloud-init would unpack itself, depends on the machine's zlib.
    """
    whole = "\n".join([*map(_written, names), (INFRA / SETUP).read_text()])
    lines = [
        "# Packed, for EC2 takes no more than 16 KB. The command before the > shows it; by sha256 it has",
        *(
            f"# {hashlib.sha256((INFRA / name).read_bytes()).hexdigest()} infra/{name}"
            for name in (*names, SETUP)
        ),
        f"python3 -c '{UNPACK}' <<'END_OF_PACKED' >{HOME}/setup",
        base64.b64encode(bz2.compress(whole.encode())).decode(),
        "END_OF_PACKED",
    ]
    return "\n".join(lines)


def _written(name: str) -> str:
    text = (INFRA / name).read_text()
    text = text.partition(COMMAND_LINE)[0] if name == JOIN else text
    return f"cat >{HOME}/{name} <<'END_OF_FILE'\n{text}END_OF_FILE"
