"""An OODT event, whose jobs come from the queue of its name, and how a container is told its events."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from runtime import names
from runtime.environment import SettingError, integer, refuse

EVENT_KEYS = {"event", "max_workflows", "priority", "max_attempts", "job_timeout"}
# AMQP lets a consumer have so many unacknowledged messages at once.
MOST_WORKFLOWS = 65_535

EVENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,149}")
# Names that the broker keeps for itself, and names of this cluster's other queues.
RESERVED_NAME = re.compile(r"(amq|oodt)\..*|.*\.(dead|abandoned|retry\.\d+)")

Priority = Literal["normal", "high"]
# Quorum queues have two classes of priority: 0-4, and 5 or more.
AMQP_PRIORITY: dict[Priority, int] = {"normal": 4, "high": 5}


@dataclass(frozen=True, kw_only=True)
class Event:
    """An OODT event whose jobs come from the queue of its name."""

    name: str
    max_workflows: int = names.DEFAULT_MAX_WORKFLOWS
    priority: Priority = "normal"
    max_attempts: int = names.DEFAULT_MAX_ATTEMPTS
    job_timeout: int = names.DEFAULT_JOB_TIMEOUT

    def __post_init__(self) -> None:
        if (
            not isinstance(self.name, str)
            or not EVENT_NAME.fullmatch(self.name)
            or RESERVED_NAME.fullmatch(self.name)
        ):
            raise ValueError(
                f"event is {self.name!r}: it names a queue: use up to 150 letters, digits, '.', '_' and '-', "
                "no amq. or oodt. at its beginning, and no .dead, .abandoned or .retry.N at its end"
            )


def events(env: Mapping[str, str]) -> tuple[Event, ...]:
    """The events of this container; raises SettingError."""
    described = env.get(names.EVENTS)
    found = listed_events(described) if described else _named_events(env)
    seen = [event.name for event in found]
    twice = {name for name in seen if seen.count(name) > 1}
    if twice:
        raise SettingError(f"event {twice.pop()} is listed twice: list each event once")
    return found


def _named_events(env: Mapping[str, str]) -> tuple[Event, ...]:
    listed = env.get(names.WORKFLOW_QUEUE, "")
    event_names = [name.strip() for name in listed.split(",") if name.strip()]
    if not event_names:
        raise SettingError(
            f"{names.WORKFLOW_QUEUE} is {listed!r}: set it to the OODT event that starts the workflow"
        )
    max_workflows = integer(env, names.MAX_WORKFLOWS, names.DEFAULT_MAX_WORKFLOWS, most=MOST_WORKFLOWS)
    max_attempts = integer(env, names.MAX_ATTEMPTS, names.DEFAULT_MAX_ATTEMPTS)
    job_timeout = integer(env, names.JOB_TIMEOUT, names.DEFAULT_JOB_TIMEOUT)
    try:
        return tuple(
            Event(name=name, max_workflows=max_workflows, max_attempts=max_attempts, job_timeout=job_timeout)
            for name in event_names
        )
    except ValueError as error:
        raise SettingError(f"{names.WORKFLOW_QUEUE}: {error}") from error


def listed_events(described: str) -> tuple[Event, ...]:
    """The events that EVENTS describes, a JSON list of objects; raises SettingError."""
    try:
        entries = json.loads(described)
    except json.JSONDecodeError as error:
        raise SettingError(f"{names.EVENTS} is not JSON ({error}): set it to a list of objects") from error
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise SettingError(f'{names.EVENTS} is {described!r}: set it to a list like [{{"event": "NAME"}}]')
    return tuple(_listed_event(entry) for entry in entries)


def _listed_event(entry: dict[str, Any]) -> Event:
    unknown = sorted(set(entry) - EVENT_KEYS)
    if unknown or "event" not in entry:
        problem = f"unknown key {unknown[0]}" if unknown else "no key event"
        raise SettingError(
            f"{names.EVENTS} has an entry {entry!r} with {problem}: use {', '.join(sorted(EVENT_KEYS))}"
        )
    for key in ("max_workflows", "max_attempts", "job_timeout"):
        number = entry.get(key, 1)
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            refuse(f"{names.EVENTS} of {entry['event']}: {key}", number, "a whole number of at least 1")
        if key == "max_workflows" and number > MOST_WORKFLOWS:
            refuse(f"{names.EVENTS} of {entry['event']}: {key}", number, f"at most {MOST_WORKFLOWS}")
    if entry.get("priority", "normal") not in {"normal", "high"}:
        refuse(f"{names.EVENTS} of {entry['event']}: priority", entry["priority"], "normal or high")
    try:
        return Event(name=entry["event"], **{key: value for key, value in entry.items() if key != "event"})
    except (TypeError, ValueError) as error:
        raise SettingError(f"{names.EVENTS}: {error}") from error
