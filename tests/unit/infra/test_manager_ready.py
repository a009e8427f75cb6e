"""The wait for the manager of target local, a container of the user's docker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.readiness import _ManagerProvider
from infra.ssh import CONTAINERS_CONFIGURATION

INPUTS = {
    "address": "10.213.0.10",
    "container": "oodt-dev-manager",
    "folder": "keys",
    "generation": "c1",
    "docker_host": None,
    "known_hosts": None,
}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the resource is once the manager has a key and a swarm."""
    for name, words in (("docker", "ssh-ed25519 AAAA root@manager"), ("ssh", "true")):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho {words}\n")
        program.chmod(0o755)
    (tmp_path / "keys").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.chdir(tmp_path)
    outputs = _ManagerProvider().create(INPUTS).outs
    assert outputs
    return outputs


def test_the_manager_is_known_by_its_container_and_its_key(made: dict[str, Any]) -> None:
    assert made["docker_host"] == "ssh://root@oodt-dev-manager.container:22"
    assert Path("keys/known_hosts").read_text() == "oodt-dev-manager.container ssh-ed25519 AAAA\n"
    assert Path("keys/config").read_text() == CONTAINERS_CONFIGURATION


def test_nothing_is_to_be_done_as_long_as_its_files_are_there(made: dict[str, Any]) -> None:
    assert not _ManagerProvider().diff("10.213.0.10", made, INPUTS).changes
    for name in ("config", "known_hosts"):
        content = Path("keys", name).read_text()
        Path("keys", name).unlink()
        assert _ManagerProvider().diff("10.213.0.10", made, INPUTS).changes
        Path("keys", name).write_text(content)


def test_one_that_was_reached_by_its_address_is_updated_and_not_replaced(made: dict[str, Any]) -> None:
    former = {key: value for key, value in made.items() if key != "container"}
    former |= {"docker_host": "ssh://root@10.213.0.10:22", "known_hosts": "10.213.0.10 ssh-ed25519 AAAA\n"}
    found = _ManagerProvider().diff("10.213.0.10", former, INPUTS)
    assert (found.changes, found.replaces) == (True, [])
