"""What instances run at their first boot."""

from __future__ import annotations

import subprocess

import pytest

from infra.aws import user_data
from infra.aws.user_data import Role

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
}
ROLES: tuple[Role, ...] = ("manager", "worker")


@pytest.mark.parametrize("role", ROLES)
def test_it_is_a_shell_script_that_ec2_takes(role: Role) -> None:
    script = user_data.script(role, {"ROLE": role, **VARIABLES})
    assert script.startswith("#!/bin/bash\n")
    assert len(script.encode()) < 16 * 1024
    assert script.isascii()
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=10)


def test_it_carries_the_very_join_script_of_the_other_targets() -> None:
    script = user_data.script("worker", {"ROLE": "worker", **VARIABLES})
    unpack = script[script.index("python3 -c") : script.index("/node/join.py <<")]
    packed = script.split("/node/join.py <<'END_OF_FILE'\n")[1].split("\n")[0]
    command = unpack.partition(" >")[0]
    done = subprocess.run(
        ["bash", "-c", command], input=packed, capture_output=True, text=True, check=True, timeout=10
    )
    assert done.stdout == (user_data.INFRA / "node/join.py").read_text()


def test_the_same_files_give_the_same_script() -> None:
    assert user_data.script("manager", VARIABLES) == user_data.script("manager", VARIABLES)


def test_what_would_be_too_long_for_ec2_is_refused() -> None:
    with pytest.raises(user_data.UserDataError, match="EC2 takes 16384"):
        user_data.script("worker", {**VARIABLES, "SHARE": "x" * 3000})
