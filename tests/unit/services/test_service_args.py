"""What a service declares is what docker reads back."""

import pytest

from services.service_args import duration
from toolchain.docker_provider.convert import duration as read_back


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0s"), (5, "5s"), (60, "1m"), (90, "1m30s"), (3600, "1h"), (3630, "1h0m30s"), (7260, "2h1m")],
)
def test_a_time_is_written_as_docker_reads_it_back(seconds: int, written: str) -> None:
    assert duration(seconds) == written == read_back(seconds * 10**9)
