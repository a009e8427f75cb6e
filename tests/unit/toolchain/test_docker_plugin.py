"""Which installed docker plugin is taken."""

from pathlib import Path

import pytest

from toolchain import docker_plugin
from toolchain.docker_plugin import installed_in, own_plugin


def install(home: Path, folder: str) -> Path:
    installed = home / "plugins" / folder
    installed.mkdir(parents=True)
    (installed / docker_plugin.EXECUTABLE).touch()
    return installed


@pytest.mark.parametrize(
    "folder", ["resource-docker-v5.2.1", "resource-docker-v5.10.0", "resource-docker-v5.1.9"]
)
def test_in_a_plugin_folder_only_the_very_version_that_the_sdk_asks_for_serves(
    tmp_path: Path, folder: str
) -> None:
    install(tmp_path, folder)
    assert installed_in(tmp_path) is None
    wanted = install(tmp_path, "resource-docker-v5.2.0")
    assert installed_in(tmp_path) == wanted


def test_a_plugin_whose_installation_was_interrupted_is_not_there(tmp_path: Path) -> None:
    installed = install(tmp_path, "resource-docker-v5.2.0")
    installed.with_name("resource-docker-v5.2.0.partial").touch()
    assert installed_in(tmp_path) is None


def test_a_plugin_whose_removal_was_interrupted_is_not_there(tmp_path: Path) -> None:
    installed = install(tmp_path, "resource-docker-v5.2.0")
    (installed / docker_plugin.EXECUTABLE).unlink()
    assert installed_in(tmp_path) is None


def test_on_the_path_any_version_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = tmp_path / docker_plugin.EXECUTABLE
    plugin.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert own_plugin() == plugin
