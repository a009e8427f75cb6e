"""The program on target aws, run once for all tests that only look at it."""

from __future__ import annotations

import pytest

from tests.unit.aws.cloud import Cloud, run_program


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    found = Cloud()
    run_program(found, tmp_path_factory.mktemp("program"), target="aws", admin_cidrs='["10.9.8.7/32"]')
    return found
