"""What all of these tests share: the logs, which a command quiets for good."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def loud_logs() -> Iterator[None]:
    """A command is a process of its own elsewhere. Here the next test needs its logs."""
    yield
    logging.disable(logging.NOTSET)
