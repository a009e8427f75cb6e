"""Engines on which no node works, as they told of themselves when they were tried."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.engine import unfit

ROOT = {"SecurityOptions": ["name=seccomp,profile=default"], "CgroupDriver": "cgroupfs", "CgroupVersion": "1"}
DOCKER = {"Components": [{"Name": "Engine", "Version": "20.10.24+dfsg1"}]}
PODMAN = {
    "Components": [{"Name": "Podman Engine", "Version": "4.3.1"}, {"Name": "Conmon", "Version": "2.1.6"}]
}


def rootless(driver: str) -> dict[str, Any]:
    return {**ROOT, "SecurityOptions": [*ROOT["SecurityOptions"], "name=rootless"], "CgroupDriver": driver}


def test_rootless_docker_without_control_groups_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/user/1000/docker.sock")
    said = unfit(rootless("none"), DOCKER)
    assert "its cgroup driver is 'none'" in said
    assert "DOCKER_HOST is 'unix:///run/user/1000/docker.sock'" in said
    assert "fix: use docker as root has it: export DOCKER_HOST=unix:///var/run/docker.sock" in said


def test_podman_is_refused_with_its_version() -> None:
    said = unfit(ROOT, PODMAN)
    assert "podman 4.3.1" in said
    assert "fix: " in said


@pytest.mark.parametrize("info", [ROOT, rootless("systemd"), {}])
def test_other_engines_may_have_nodes(info: dict[str, Any]) -> None:
    assert unfit(info, DOCKER) == ""
    assert unfit(info, {}) == ""
