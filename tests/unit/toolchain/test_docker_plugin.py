"""Which installed docker plugin is taken."""

from pathlib import Path

import pytest

from toolchain.docker_plugin import installed_in, serves


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("resource-docker-v5.2.0", True),
        ("resource-docker-v5.10.1", True),
        ("resource-docker-v5.1.9", False),
        ("resource-docker-v6.0.0", False),
        ("resource-docker-v5.2.0.lock", False),
        ("resource-docker-build-v5.2.0", False),
    ],
)
def test_a_plugin_of_the_same_major_version_and_no_older_serves(folder: str, expected: bool) -> None:
    assert serves(folder) is expected


def test_a_plugin_whose_installation_was_interrupted_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "plugins" / "resource-docker-v5.2.0").mkdir(parents=True)
    assert installed_in(tmp_path) == tmp_path / "plugins" / "resource-docker-v5.2.0"
    (tmp_path / "plugins" / "resource-docker-v5.2.0.partial").touch()
    assert installed_in(tmp_path) is None
