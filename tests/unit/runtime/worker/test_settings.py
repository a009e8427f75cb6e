"""Settings of a Workflow Manager's container, and what is said of wrong ones."""

import json

import pytest

from runtime.environment import SettingError
from runtime.messaging.event import Event
from runtime.worker.settings import worker_settings

GOOD = {"RABBITMQ_USER_URL": "amqp://user:secret@broker:5672/%2F", "WORKFLOW_QUEUE": "test-workflow"}


def test_two_variables_are_enough() -> None:
    settings = worker_settings(GOOD)
    assert settings.events == (Event(name="test-workflow"),)
    assert settings.wmgr_url == "http://localhost:8001"
    assert settings.filemgr_url == "http://oodt-filemgr:9000"
    assert (settings.gateway_port, settings.filemgr_gateway_port, settings.proxy) == (9001, 9000, False)


def test_the_originals_variables_set_the_limits_of_each_event() -> None:
    settings = worker_settings({**GOOD, "WORKFLOW_QUEUE": "a, b", "MAX_WORKFLOWS": "7", "JOB_TIMEOUT": "60"})
    assert settings.events == tuple(Event(name=name, max_workflows=7, job_timeout=60) for name in "ab")


def test_a_list_of_events_wins() -> None:
    events = [{"event": "a", "max_workflows": 2, "priority": "high"}, {"event": "b"}]
    assert worker_settings({**GOOD, "EVENTS": json.dumps(events)}).events == (
        Event(name="a", max_workflows=2, priority="high"),
        Event(name="b"),
    )


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"MAX_WORKFLOWS": "0"}, "MAX_WORKFLOWS is '0': set it to a whole number of at least 1"),
        ({"MAX_WORKFLOWS": "70000"}, "MAX_WORKFLOWS is '70000': set it to a whole number of at most 65535"),
        (
            {"EVENTS": '[{"event": "a", "max_workflows": 70000}]'},
            "max_workflows is 70000: set it to at most 65535",
        ),
        ({"MAX_WORKFLOWS": "four"}, "MAX_WORKFLOWS is 'four': set it to a whole number of at least 1"),
        ({"PROXY": "yes"}, "PROXY is 'yes': set it to true or false"),
        ({"WORKFLOW_QUEUE": ""}, "WORKFLOW_QUEUE is '': set it to the OODT event"),
        ({"WORKFLOW_QUEUE": "a b"}, "WORKFLOW_QUEUE: event is 'a b'"),
        ({"WORKFLOW_QUEUE": "a,a"}, "event a is listed twice"),
        (
            {"PROXIED_FILEMGR_URL": "filemgr:9000"},
            "PROXIED_FILEMGR_URL is 'filemgr:9000': set it to an address",
        ),
        ({"WORKFLOW_URL": "http://localhost:x"}, "WORKFLOW_URL is 'http://localhost:x'"),
        ({"EVENTS": "["}, "EVENTS is not JSON"),
        ({"EVENTS": "[]"}, "EVENTS is '[]': set it to a list"),
        ({"EVENTS": '[{"event": "a", "retries": 1}]'}, "unknown key retries"),
        ({"EVENTS": '[{"max_workflows": 1}]'}, "no key event"),
        (
            {"EVENTS": '[{"event": "a", "max_workflows": "2"}]'},
            "max_workflows is '2': set it to a whole number",
        ),
        ({"EVENTS": '[{"event": "a", "priority": "low"}]'}, "priority is 'low': set it to normal or high"),
        ({"EVENTS": '[{"event": 7}]'}, "EVENTS: event is 7"),
        ({"RABBITMQ_USER_URL": ""}, "RABBITMQ_USER_URL is not set"),
    ],
)
def test_a_wrong_setting_is_told_by_name_value_and_fix(variables: dict[str, str], complaint: str) -> None:
    with pytest.raises(SettingError) as caught:
        worker_settings({**GOOD, **variables})
    assert complaint in str(caught.value)


@pytest.mark.parametrize("url", ["http://user:secret@broker", "amqp://user:secret@:x/", "secret"])
def test_a_wrong_broker_address_is_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(SettingError) as caught:
        worker_settings({**GOOD, "RABBITMQ_USER_URL": url})
    assert "secret" not in str(caught.value)
