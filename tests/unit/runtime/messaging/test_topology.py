"""What the broker is told at its start."""

import base64
import hashlib
import re
from typing import Any

import pytest

from runtime.messaging.event import Event
from runtime.messaging.topology import (
    definitions,
    follower_topology,
    is_low_limit,
    password_hash,
    retry_wait,
    topology,
)

EVENTS = (Event(name="test-workflow"), Event(name="a.b", max_attempts=1, job_timeout=60))


def _definitions(**passwords: str) -> dict[str, Any]:
    return definitions(EVENTS, **{"user_password": "one", "admin_password": "two", **passwords})


def _policy(queue: str) -> dict[str, Any]:
    [policy] = [policy for policy in _definitions()["policies"] if re.search(policy["pattern"], queue)]
    found: dict[str, Any] = policy["definition"]
    return found


def test_every_queue_is_bound_by_its_name_and_has_exactly_one_policy() -> None:
    content = _definitions()
    queues = [queue["name"] for queue in content["queues"]]
    jobs = [binding for binding in content["bindings"] if binding["source"] == "oodt-exchange"]
    assert [binding["routing_key"] for binding in jobs] == [name for name in queues if name != "oodt.status"]
    for queue in queues:
        assert _policy(queue)


def test_no_queue_has_arguments_so_that_old_producers_declare_the_same() -> None:
    assert {tuple(queue["arguments"]) for queue in _definitions()["queues"]} == {()}


def test_a_job_waits_in_one_of_two_queues_for_each_attempt_but_the_last() -> None:
    queues = [
        queue["name"] for queue in _definitions()["queues"] if queue["name"].startswith("test-workflow.retry")
    ]
    assert queues == [f"test-workflow.retry.{seconds}" for seconds in (5, 8, 20, 30)]
    assert _policy("test-workflow.retry.20")["message-ttl"] == 20_000
    assert _policy("test-workflow.retry.20")["dead-letter-routing-key"] == "test-workflow"


def test_an_event_with_one_attempt_still_has_a_queue_for_parked_jobs() -> None:
    assert _policy("a.b.retry.5")["message-ttl"] == 5_000


def test_the_broker_waits_for_an_answer_longer_than_a_job_takes() -> None:
    assert _policy("a.b")["consumer-timeout"] > 2 * 60 * 1000


def test_nothing_is_lost_on_the_way_between_queues() -> None:
    for queue in ("test-workflow", "test-workflow.retry.5"):
        assert _policy(queue)["dead-letter-strategy"] == "at-least-once"
        assert _policy(queue)["overflow"] == "reject-publish"


def test_the_same_settings_give_the_same_definitions_and_another_password_others() -> None:
    assert _definitions() == _definitions()
    assert _definitions() != _definitions(user_password="three")


def test_passwords_are_only_there_as_salted_hashes() -> None:
    assert "one" not in str(_definitions()["users"])
    decoded = base64.b64decode(password_hash("oodt-user", "one"))
    assert decoded[4:] == hashlib.sha256(decoded[:4] + b"one").digest()


def test_only_the_administrator_may_administrate() -> None:
    assert {user["name"]: user["tags"] for user in _definitions()["users"]} == {
        "oodt-user": [],
        "oodt-admin": ["administrator"],
    }


@pytest.mark.parametrize(
    "name", ["", "a b", "x.dead", "x.retry.5", ".hidden", "x" * 151, "oodt.status", "oodt.x", "amq.x"]
)
def test_a_name_that_cannot_name_a_queue_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="event is"):
        Event(name=name)


def test_waits_grow_with_each_failure_and_stop_growing() -> None:
    assert [
        retry_wait(failures) in waits for failures, waits in ((1, (5, 8)), (2, (20, 30)), (9, (320, 480)))
    ] == [
        True,
        True,
        True,
    ]


def test_a_watcher_gets_every_state_change_of_its_event_in_a_queue_of_its_own() -> None:
    [queue] = follower_topology("a.b", "batch.1f").queues
    assert (queue.name, queue.exchange, queue.key) == ("oodt.wait.batch.1f", "oodt.events", "a.b.*")


def test_the_status_service_is_told_all_that_happens_and_cannot_fill_the_brokers_disk() -> None:
    [binding] = [each for each in _definitions()["bindings"] if each["destination"] == "oodt.status"]
    assert (binding["source"], binding["routing_key"]) == ("oodt.events", "#")
    assert _policy("oodt.status")["max-length-bytes"] > 0
    assert _policy("oodt.status")["overflow"] == "drop-head"


@pytest.mark.parametrize(
    ("version", "limited"), [("3.10.8", False), ("3.13.7", False), ("4.0.5", True), ("", True)]
)
def test_a_broker_that_takes_no_unlimited_deliveries_is_told_of_none(version: str, limited: bool) -> None:
    [_, dead, *_] = topology([Event(name="e")]).queues
    arguments = dead.arguments_for(version)
    assert arguments is not None and arguments["x-queue-type"] == "quorum"
    assert ("x-delivery-limit" in arguments) == limited


def test_a_queue_that_producers_declare_too_has_no_arguments_anywhere() -> None:
    [jobs, *_] = topology([Event(name="e")]).queues
    assert jobs.arguments_for("4.0.5") is None


@pytest.mark.parametrize(
    ("limit", "version", "low"),
    [
        (5, "4.0.5", True),
        (20, "4.0.5", False),
        (-1, "4.0.5", False),
        (5, "3.10.8", True),
        (-1, "3.10.8", True),
    ],
)
def test_a_limit_of_deliveries_is_low_if_a_job_would_be_lost_after_a_few_returns(
    limit: int, version: str, low: bool
) -> None:
    assert is_low_limit(limit, version) == low
