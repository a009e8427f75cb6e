"""An account of each test's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.aws.preflight.rules.share import CLOSED
from tests.unit.aws.preflight.accounts import REGION, Account, sound_account


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with sound_account(tmp_path) as found:
        yield found


@pytest.fixture
def share(account: Account) -> str:
    """A sound file system that is given, with a mount target in one zone, for who has a role."""
    efs, ec2 = account.client("efs"), account.client("ec2")
    system = str(efs.create_file_system(CreationToken="given", Encrypted=True)["FileSystemId"])
    group = ec2.create_security_group(GroupName="given", Description="given", VpcId=account.default_vpc)
    efs.create_mount_target(
        FileSystemId=system, SubnetId=account.subnets()[f"{REGION}a"], SecurityGroups=[group["GroupId"]]
    )
    efs.put_file_system_policy(FileSystemId=system, Policy=json.dumps(CLOSED))
    return system
