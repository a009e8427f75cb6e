"""The program that lets a host's docker take images from the cluster's registry."""

from __future__ import annotations

import json
from pathlib import Path

from infra.hosts.node import accept_registry

REGISTRY = "10.0.0.10:5000"


def test_everything_else_in_dockers_configuration_stays(tmp_path: Path) -> None:
    file = tmp_path / "docker" / "daemon.json"
    file.parent.mkdir()
    file.write_text('{"data-root": "/data", "insecure-registries": ["other:5000"]}')
    file.chmod(0o640)
    assert accept_registry.accept(REGISTRY, file)
    assert json.loads(file.read_text()) == {
        "data-root": "/data",
        "insecure-registries": ["other:5000", REGISTRY],
    }
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_docker_without_a_configuration_gets_one_and_the_second_time_nothing_changes(
    tmp_path: Path,
) -> None:
    file = tmp_path / "docker" / "daemon.json"
    assert accept_registry.accept(REGISTRY, file)
    before = file.read_bytes()
    assert not accept_registry.accept(REGISTRY, file)
    assert file.read_bytes() == before
