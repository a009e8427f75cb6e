"""What the tests on virtual machines share: the disk that the machines begin with, patience, and clocks."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from infra import patience
from testing.tools import missing
from tests.vm.room import PATIENCE
from toolchain import machine_disk
from toolchain.machine_disk import Disk
from toolchain.steps import StepFailed

Timed = Callable[[str], AbstractContextManager[None]]


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


@pytest.fixture
def timed(capsys: pytest.CaptureFixture[str]) -> Timed:
    """Print how long a step took."""

    @contextmanager
    def step(what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        with capsys.disabled():
            print(f"\n{what}: {time.monotonic() - begun:.0f} s")

    return step
