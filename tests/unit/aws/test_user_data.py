"""What instances run at their first boot."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from infra.aws import user_data
from infra.swarm import Role

VARIABLES = {
    "SHARE": "/shared-data",
    "REGISTRY_PORT": "5000",
    "PATIENCE": "600",
    "NODE_OPTIONS": "--a-rather-long-list-of-options with-values-of-some-length " * 4,
    "REGION": "ap-southeast-1",
    "MANAGER_ADDRESS": "172.31.255.255",
    "PARAMETER": "/" + "a-long-project-name/" * 3 + "swarm",
    "FILE_SYSTEM": "fs-0123456789abcdef0",
    "ACCESS_POINT": "fsap-0123456789abcdef0",
    "BRIDGE_POOL": "10.255.224.0/20",
}
ROLES: tuple[Role, ...] = ("manager", "worker")


@pytest.mark.parametrize("role", ROLES)
def test_it_is_a_shell_script_that_ec2_takes(role: Role) -> None:
    script = user_data.script(role, {"ROLE": role, **VARIABLES})
    assert script.startswith("#!/bin/bash\n")
    assert len(script.encode()) < 16 * 1024
    assert script.isascii()
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=10)


@pytest.mark.parametrize("role", ROLES)
def test_code_that_handles_the_join_token_is_the_projects_own_in_plain_text(role: Role) -> None:
    script = user_data.script(role, {"ROLE": role, **VARIABLES})
    assert (user_data.INFRA / "aws/node/parameter.py").read_text() in script
    join = script.split("/node/join.py <<'END_OF_FILE'\n")[1].split("END_OF_FILE")[0]
    whole = (user_data.INFRA / "node/join.py").read_text()
    assert whole.startswith(join)
    for name in ("work", "join", "manage"):
        assert f"\ndef {name}(" in join
    for name in user_data.PACKED[role]:
        text = (user_data.INFRA / name).read_text()
        assert "JoinToken" not in text
        assert '["token"]' not in text


@pytest.mark.parametrize("role", ROLES)
def test_packed_files_are_named_with_their_hashes_and_unpacked_by_the_line_beside_them(
    role: Role, tmp_path: Path
) -> None:
    script = user_data.script(role, {"ROLE": role, **VARIABLES}).replace(user_data.HOME, str(tmp_path))
    (tmp_path / "aws" / "node").mkdir(parents=True)
    packed = script[script.index("# Packed") :]
    packed = packed[: packed.index("\nEND_OF_FILE\n") + len("\nEND_OF_FILE\n")]
    shown = subprocess.run(
        ["bash", "-c", packed.replace(" | bash -eu", "")],
        capture_output=True,
        text=True,
        check=True,
        timeout=9,
    ).stdout
    for name in user_data.PACKED[role]:
        content = (user_data.INFRA / name).read_text()
        assert f"# {hashlib.sha256(content.encode()).hexdigest()} infra/{name}\n" in packed
        assert content in shown


@pytest.mark.parametrize("role", ROLES)
def test_its_modules_are_where_the_node_service_looks_for_them(
    role: Role, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_data, "HOME", f"{tmp_path}/infra")
    script = user_data.script(role, {"ROLE": role, **VARIABLES})
    subprocess.run(["bash", "-c", script[: script.index("\nretry()")]], check=True, timeout=10)
    command = [sys.executable, "-m", f"infra.aws.node.{role}", "--help"]
    subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, check=True, timeout=30)


def test_the_same_files_give_the_same_script() -> None:
    assert user_data.script("manager", VARIABLES) == user_data.script("manager", VARIABLES)


def test_a_script_that_is_too_long_for_ec2_is_refused() -> None:
    with pytest.raises(user_data.UserDataError, match="EC2 takes 16384"):
        user_data.script("worker", {**VARIABLES, "SHARE": "x" * 3000})
