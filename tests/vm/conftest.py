"""What the tests on virtual machines share: the disk that the machines begin with, and patience."""

from collections.abc import Iterator

import pytest

from infra import patience
from testing.tools import missing
from tests.vm.room import PATIENCE
from toolchain import machine_disk
from toolchain.machine_disk import Disk
from toolchain.steps import StepFailed


@pytest.fixture(scope="session")
def disk() -> Disk:
    try:
        return machine_disk.ensure()
    except StepFailed as problem:
        missing(f"no virtual machines: {problem}")


@pytest.fixture(scope="session", autouse=True)
def patient() -> Iterator[None]:
    """Have the check of hosts wait as long as an operator of such machines would."""
    patience.use(PATIENCE)
    yield
    patience.use(1)
