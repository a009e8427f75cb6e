"""What an instance runs at its first boot: a script that carries infra/aws/node and the join script."""

from __future__ import annotations

import base64
import bz2
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pulumi

from runtime.names import REGISTRY_PORT

LIMIT = 16 * 1024  # bytes that EC2 takes
INFRA = Path(__file__).resolve().parents[1]
HOME = "/usr/local/lib/oodt/infra"  # on the instance; module names are those of this repository

SHARE = "/shared-data"
MEMBERSHIP_FILE = "/var/lib/docker/node/swarm"
HOST_KEY_FILE = "/etc/ssh/ssh_host_ed25519_key.pub"

Role = Literal["manager", "worker"]
FILES: dict[Role, tuple[str, ...]] = {
    "manager": ("mounts.sh", "parameter.py", "manager.py"),
    "worker": ("mounts.sh", "parameter.py", "metadata.py", "worker.py"),
}


class UserDataError(ValueError):
    """The script has become longer than EC2 takes."""


def manager(
    *, group: str, hook: str, patience: int, variables: Mapping[str, pulumi.Input[str]]
) -> pulumi.Output[str]:
    """The manager's script; ``group`` and ``hook`` are those that it answers for its workers."""
    options = ["--host-key-file", HOST_KEY_FILE, "--group", group, "--hook", hook]
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


def script(role: Role, variables: Mapping[str, str]) -> str:
    """The whole script. Raises UserDataError."""
    parts = [
        "#!/bin/bash",
        f"# Makes an ECS-optimised Amazon Linux 2023 instance a {role} of the swarm. Runs once; what it",
        "# installs runs at every boot. Its parts are the project's own: infra/aws/node, infra/node/join.py.",
        "set -eu",
        *(f"{name}={shlex.quote(value)}" for name, value in variables.items()),
        f"mkdir -p {HOME}/node {HOME}/aws/node",
        *(_plain(f"aws/node/{name}") for name in FILES[role]),
        _packed("node/join.py"),
        (INFRA / "aws/node/setup.sh").read_text(),
    ]
    text = "\n".join(parts)
    if len(text.encode()) > LIMIT:
        raise UserDataError(
            f"the {role}'s user data have {len(text.encode())} bytes, EC2 takes {LIMIT}: pack another file"
        )
    return text


def _plain(name: str) -> str:
    return f"cat >{HOME}/{name} <<'END_OF_FILE'\n{(INFRA / name).read_text()}END_OF_FILE"


def _packed(name: str) -> str:
    """Compressed, because everything as plain text would be too long.

    By bzip2, whose output is the same everywhere: other bytes from another machine would replace every node.
    """
    content = base64.b64encode(bz2.compress((INFRA / name).read_bytes())).decode()
    unpack = (
        "import base64, bz2, sys; sys.stdout.buffer.write(bz2.decompress(base64.b64decode(sys.stdin.read())))"
    )
    return f"python3 -c '{unpack}' >{HOME}/{name} <<'END_OF_FILE'\n{content}\nEND_OF_FILE"
