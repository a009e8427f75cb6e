"""Contract of a service's wait: creation and update end when its tasks run, or say that they do not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.conftest import Make
from tests.contract.node import Node
from tests.contract.plugin import Plugin, PluginError, Properties, running

TOKEN = "docker:index/service:Service"
REFUSED_AFTER = "25s"


@pytest.fixture
def inputs(base: str, unique: str) -> Properties:
    return {
        "name": unique,
        "taskSpec": {
            "containerSpec": {"image": base, "commands": ["sleep", "600"], "init": True},
            "restartPolicy": {"condition": "any", "delay": "5s", "window": "0s"},
        },
        "mode": {"replicated": {"replicas": 2}},
        "updateConfig": {"monitor": "2s", "failureAction": "pause"},
        "endpointSpec": {"mode": "dnsrr"},
        "convergeConfig": {"delay": "1s", "timeout": "120s"},
    }


def test_the_creation_ends_when_the_tasks_are_healthy(
    swarm: Plugin, node: Node, make: Make, inputs: Properties
) -> None:
    container = inputs["taskSpec"]["containerSpec"]
    container["commands"] = ["sh", "-c", "sleep 3; touch /ready; sleep 600"]
    container["healthcheck"] = {"tests": ["CMD", "test", "-e", "/ready"], "interval": "1s", "retries": 30}
    service = make(swarm, TOKEN, inputs)
    assert node.docker("service", "ls", "-f", f"id={service.id}", "--format", "'{{.Replicas}}'") == "2/2"


def test_a_service_whose_container_fails_is_refused_with_the_reason(
    swarm: Plugin, node: Node, make: Make, inputs: Properties, is_substitute: bool
) -> None:
    inputs["taskSpec"]["containerSpec"]["commands"] = ["sh", "-c", "echo no such broker >&2; exit 3"]
    inputs["convergeConfig"]["timeout"] = REFUSED_AFTER
    with pytest.raises(PluginError, match="did not converge") as refused:
        make(swarm, TOKEN, inputs)
    if is_substitute:  # the vendor's names the service's id alone
        assert f"service {inputs['name']} " in str(refused.value)
        assert f"task {inputs['name']}.1 " in str(refused.value)
        assert "non-zero exit (3)" in str(refused.value)
        assert "no such broker" in str(refused.value)
    assert not node.docker("service", "ls", "-q", "-f", f"name={inputs['name']}")


def test_a_service_whose_image_does_not_exist_is_refused_with_its_name(
    swarm: Plugin, node: Node, make: Make, inputs: Properties, is_substitute: bool
) -> None:
    inputs["taskSpec"]["containerSpec"]["image"] = f"{node.registry}/missing:v1"
    inputs["convergeConfig"]["timeout"] = REFUSED_AFTER
    with pytest.raises(PluginError, match="did not converge") as refused:
        make(swarm, TOKEN, inputs)
    if is_substitute:
        assert f"{node.registry}/missing:v1" in str(refused.value)


def test_an_update_that_fails_is_refused_and_tried_again_next_time(
    swarm: Plugin, make: Make, inputs: Properties
) -> None:
    service = make(swarm, TOKEN, inputs)
    broken = {
        **inputs,
        "taskSpec": {**inputs["taskSpec"], "containerSpec": {**inputs["taskSpec"]["containerSpec"]}},
    }
    broken["taskSpec"]["containerSpec"]["commands"] = ["false"]
    with pytest.raises(PluginError, match=r"update paused|did not converge"):
        swarm.update(service, broken)
    repaired = swarm.update(service, inputs)
    assert not swarm.diff(repaired, inputs).changes


@pytest.fixture
def interruptible(
    over_ssh: dict[str, str], command: list[str], environment: dict[str, str]
) -> Iterator[Plugin]:
    """A plugin of the test's own, since an interrupted one cannot be used again."""
    with running(command, environment, over_ssh) as plugin:
        yield plugin


def test_a_wait_ends_when_the_user_interrupts_it(
    interruptible: Plugin, node: Node, inputs: Properties, is_substitute: bool
) -> None:
    if not is_substitute:
        pytest.skip("the vendor's plugin waits until its time is up")
    inputs["taskSpec"]["containerSpec"]["commands"] = ["false"]
    inputs["convergeConfig"]["timeout"] = "10m"
    with ThreadPoolExecutor() as threads:
        creation = threads.submit(interruptible.create, TOKEN, "it", inputs)
        deadline = time.monotonic() + 30
        while not any("tasks run" in message for message in interruptible.engine.messages):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        interruptible.cancel()
        with pytest.raises(PluginError, match="cancelled"):
            creation.result(timeout=30)
    assert not node.docker("service", "ls", "-q", "-f", f"name={inputs['name']}")


def test_a_service_without_a_wait_is_created_at_once(swarm: Plugin, make: Make, inputs: Properties) -> None:
    del inputs["convergeConfig"]
    inputs["taskSpec"]["containerSpec"]["commands"] = ["false"]
    assert make(swarm, TOKEN, inputs).id
