"""The original's module for scripts that submit workflows, as far as it needs no broker."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import rabbitmq_producer
from runtime.environment import SettingError
from runtime.messaging.broker import BrokerDown
from runtime.rabbitmq_producer import (
    RabbitmqProducer,
    publish_messages,
    wait_for_queue,
    wait_for_queues,
)

ROOT = Path(__file__).parents[3]
SECONDS = 60
BROKER = "amqp://user:secret@127.0.0.1:9/%2F"
MANAGEMENT = "http://user:secret@127.0.0.1:9"


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT}/runtime/compat"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_the_names_and_parameters_are_the_originals() -> None:
    done = script(
        "-c",
        "from rabbitmq_producer import RabbitmqProducer, publish_messages, wait_for_queue, wait_for_queues",
    )
    assert done.returncode == 0, done.stderr
    for function, parameters in (
        (publish_messages, ["msg_queue", "num_msgs", "msg_dict"]),
        (wait_for_queue, ["queue_name", "delay_secs"]),
        (wait_for_queues, ["delay_secs", "sleep_secs"]),
        (RabbitmqProducer, ["amqp_url", "workflow_event", "num_messages", "msg_dict", "priority"]),
    ):
        assert list(inspect.signature(function).parameters) == parameters


@pytest.mark.parametrize(
    "way", [("-m", "rabbitmq_producer"), (f"{ROOT}/runtime/compat/rabbitmq_producer.py",)]
)
@pytest.mark.parametrize("arguments", [(), ("a",), ("a", "x"), ("a", "0"), ("a", "1", "Run")])
def test_the_module_has_a_command_line(way: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    done = script(*way, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: python -m rabbitmq_producer QUEUE NUMBER [KEY=VALUE ...]\n"


@pytest.mark.parametrize("host", ["127.0.0.1:9", "nowhere.invalid"])
def test_a_broker_that_stays_away_is_waited_for_so_long_and_then_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    monkeypatch.setattr(rabbitmq_producer, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setenv("RABBITMQ_USER_URL", f"amqp://user:secret@{host}/")
    assert rabbitmq_producer.main(["test-workflow", "2", "Run=1"]) == 3
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("the broker cannot be reached since")
    assert told[1].startswith(f"no broker for 0.5 s at {host}")
    assert told[1].endswith("2 jobs not sent: correct RABBITMQ_USER_URL, or start the broker")
    assert "secret" not in "".join(told)


def test_a_script_can_catch_that_the_broker_stays_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rabbitmq_producer, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setenv("RABBITMQ_USER_URL", BROKER)
    with pytest.raises(BrokerDown):
        publish_messages(msg_queue="test-workflow", num_msgs=1, msg_dict={"Run": 1})


def test_a_queue_that_no_event_can_have_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RABBITMQ_USER_URL", BROKER)
    assert rabbitmq_producer.main(["", "1"]) == 2


def test_the_originals_parameters_of_the_address_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rabbitmq_producer, "PATIENCE_SECONDS", 0.5)
    url = f"{BROKER}?connection_attempts=1&heartbeat_interval=3600"
    with pytest.raises(BrokerDown):
        RabbitmqProducer(url, "test-workflow", 1, {"Run": 1}).run()


def test_to_wait_says_which_address_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RABBITMQ_USER_URL", BROKER)
    monkeypatch.setenv("RABBITMQ_ADMIN_URL", MANAGEMENT)
    with pytest.raises(
        BrokerDown, match=r"no answer from the broker's management at 127\.0\.0\.1:9: .*ADMIN_URL"
    ):
        wait_for_queue("test-workflow")
    monkeypatch.setenv("RABBITMQ_ADMIN_URL", "foo")
    with pytest.raises(SettingError, match="correct RABBITMQ_ADMIN_URL"):
        wait_for_queues()
