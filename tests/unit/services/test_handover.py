"""An update of what takes jobs has ended when no container that is to stop takes any."""

from __future__ import annotations

from typing import Any

import pytest

from infra import ssh
from services import convergence, handover
from services.convergence import ConvergedProvider, ServiceError
from tests.unit.services.test_convergence import Swarm, task

OLD = "0123456789abcdef" * 4
TAG = f"{OLD[:12]}.5d1c"
PROPS = {"service": "oodt-wmgr", "folder": "", "docker_host": "ssh://root@manager", "takes_jobs": True}


def old(state: str = "running", desired: str = "shutdown") -> dict[str, Any]:
    found = task(state, desired, Image="oodt@sha256:old")
    found["Status"]["ContainerStatus"] = {"ContainerID": OLD}
    return found


class Broker:
    """What the broker answers, one look after the other; an exception is an answer that fails."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)

    def docker(self, _identity: object, _host: str, command: str) -> str:
        assert command == handover.CONSUMERS
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def wait(monkeypatch: pytest.MonkeyPatch, broker: Broker, *leaving: dict[str, Any], **props: Any) -> None:
    monkeypatch.setattr(convergence, "DockerApi", lambda *_: Swarm([task(), task(), *leaving]))
    monkeypatch.setattr(ssh, "docker", broker.docker)
    monkeypatch.setattr(ConvergedProvider, "limit", 0.1)
    monkeypatch.setattr(convergence, "INTERVAL", 0.01)
    ConvergedProvider().create({**PROPS, **props})


def test_an_update_waits_until_the_broker_has_no_consumer_of_an_old_container(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = Broker(f"new.1\n{TAG}\n", ssh.RemoteError("the broker starts"), "new.1\n")
    wait(monkeypatch, broker, old())
    assert broker.answers == ["new.1\n"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [(f"{TAG}\n", f"still take jobs: {OLD[:12]}"), (ssh.RemoteError("no such node"), "no such node")],
)
def test_an_update_that_waits_in_vain_says_for_what(
    monkeypatch: pytest.MonkeyPatch, answer: str | Exception, words: str
) -> None:
    with pytest.raises(ServiceError) as caught:
        wait(monkeypatch, Broker(answer), old())
    assert words in str(caught.value)
    assert "pulumi up" in str(caught.value)


@pytest.mark.parametrize("ended", ["complete", "failed", "shutdown", "orphaned"])
def test_a_container_that_has_ended_takes_no_jobs(monkeypatch: pytest.MonkeyPatch, ended: str) -> None:
    wait(monkeypatch, Broker(AssertionError("nobody need ask")), old(ended))


def test_a_service_that_takes_no_jobs_does_not_wait_for_old_containers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wait(monkeypatch, Broker(AssertionError("nobody need ask")), old(), takes_jobs=False)
