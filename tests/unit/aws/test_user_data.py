"""What instances run at their first boot."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from infra.aws import user_data
from infra.swarm import Role

LONGEST = f"{'p' * 100}/{'s' * 100}"  # what Pulumi lets projects and stacks be called
VARIABLES = {
    "SHARE": "/shared-data",
    "REGISTRY_PORT": "5000",
    "BOOT_LIMIT": "420",
    "PATIENCE": "600",
    "NODE_OPTIONS": f"--group {LONGEST}-workers --and-options with-values-of-some-length-and-more-of-them",
    "REGION": "ap-southeast-1",
    "MANAGER_ADDRESS": "172.31.255.255",
    "PARAMETER": f"/{LONGEST}/swarm",
    "FILE_SYSTEM": "fs-0123456789abcdef0",
    "ACCESS_POINT": "fsap-0123456789abcdef0",
    "BRIDGE_POOL": "10.255.224.0/20",
}
ROLES: tuple[Role, ...] = ("manager", "worker")


def unpacked(role: Role) -> str:
    """What the line in the script shows, as a reader of the user data would run it."""
    script = user_data.script(role, {"ROLE": role, **VARIABLES})
    packed = script[script.index("# Packed") : script.index("END_OF_PACKED\n.") + len("END_OF_PACKED")]
    shown = packed.replace(f" >{user_data.HOME}/setup", "")
    return subprocess.run(["bash", "-c", shown], capture_output=True, text=True, check=True, timeout=9).stdout


@pytest.mark.parametrize("role", ROLES)
def test_it_is_a_shell_script_that_ec2_takes_with_the_longest_names_and_room_to_grow(role: Role) -> None:
    script = user_data.script(role, {"ROLE": role, **VARIABLES})
    assert script.startswith("#!/bin/bash\n")
    assert len(script.encode()) < 14 * 1024
    assert script.isascii()
    for text in (script, unpacked(role)):
        subprocess.run(["bash", "-n"], input=text, text=True, check=True, timeout=10)


@pytest.mark.parametrize("role", ROLES)
def test_code_that_handles_the_join_token_is_the_projects_own_and_nothing_else_does(role: Role) -> None:
    shown = unpacked(role)
    assert (user_data.INFRA / "aws/node/parameter.py").read_text() in shown
    join = shown.split("/node/join.py <<'END_OF_FILE'\n")[1].split("END_OF_FILE")[0]
    whole = (user_data.INFRA / "node/join.py").read_text()
    assert whole.startswith(join)
    for name in ("work", "join", "manage"):
        assert f"\ndef {name}(" in join
    for name in {*user_data.FILES[role], user_data.SETUP} - {user_data.JOIN, "aws/node/parameter.py"}:
        text = (user_data.INFRA / name).read_text()
        assert "JoinToken" not in text
        assert '["token"]' not in text


@pytest.mark.parametrize("role", ROLES)
def test_packed_files_are_named_with_their_hashes_and_unpacked_by_the_line_beside_them(role: Role) -> None:
    script, shown = user_data.script(role, {"ROLE": role, **VARIABLES}), unpacked(role)
    for name in (*user_data.FILES[role], user_data.SETUP):
        content = (user_data.INFRA / name).read_text()
        assert f"# {hashlib.sha256(content.encode()).hexdigest()} infra/{name}\n" in script
        assert content in shown or name == user_data.JOIN


@pytest.mark.parametrize("role", ROLES)
def test_its_modules_are_where_the_node_service_looks_for_them(role: Role, tmp_path: Path) -> None:
    written = unpacked(role).replace(user_data.HOME, f"{tmp_path}/infra")
    (tmp_path / "infra" / "aws" / "node").mkdir(parents=True)
    (tmp_path / "infra" / "node").mkdir()
    first = written[: written.index("\ngave_up()")]
    subprocess.run(["bash", "-euc", first], check=True, timeout=10)
    command = [sys.executable, "-m", f"infra.aws.node.{role}", "--help"]
    subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, check=True, timeout=30)


def test_the_same_files_give_the_same_script() -> None:
    assert user_data.script("manager", VARIABLES) == user_data.script("manager", VARIABLES)


def test_a_script_that_is_too_long_for_ec2_is_refused() -> None:
    with pytest.raises(user_data.UserDataError, match="EC2 takes 16384"):
        user_data.script("worker", {**VARIABLES, "SHARE": "x" * 8000})
