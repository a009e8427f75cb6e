"""Begins to build the AWS plugin, which takes minutes, while the tests before these run."""

from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from tests.e2e.aws import bridge

HERE = Path(__file__).parent
TEST_TIMEOUT = 900  # seconds, beside the time that the first test waits for the plugin


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(bridge.BUILD_TIMEOUT + TEST_TIMEOUT))


def pytest_collection_finish(session: pytest.Session) -> None:
    if not session.config.option.collectonly and any(item.path.parent == HERE for item in session.items):
        Thread(target=_build, daemon=True).start()


def _build() -> None:
    # The first test that needs it tries again, and tells what is wrong.
    with suppress(Exception, pytest.fail.Exception, pytest.skip.Exception):
        bridge.built()
