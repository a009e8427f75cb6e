"""Settings of a worker, and the broker's address for a command, from the environment and docker secrets."""

import json
import os
import re
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pika

from runtime import names, stack
from runtime.topology import Event, Priority

FILEMGR_URL = f"http://{names.FILEMGR_SERVICE}:{names.FILEMGR_PORT}"
EVENT_KEYS = {"event", "max_workflows", "priority", "max_attempts", "job_timeout"}
PLAIN_PARAMETERS = re.compile(r"[\w=&.-]+")
# So many messages may a consumer take at once, by AMQP.
MOST_WORKFLOWS = 65_535


class SettingError(ValueError):
    """A setting that cannot be used; the text names the variable, its value and the fix."""


class NoBrokerAddress(Exception):
    """Nothing says where the broker is."""


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """What the processes beside a Workflow Manager must know.

    ``gateway_url`` is this container's gateway as other containers reach it; ``lease`` is how many seconds a
    worker that says nothing is believed to go on with its jobs.
    """

    events: tuple[Event, ...]
    broker_url: str
    wmgr_url: str
    filemgr_url: str
    gateway_port: int
    gateway_url: str
    filemgr_gateway_port: int
    ledger: Path
    run_dir: Path
    node: str
    stop_grace: int
    lease: int
    proxy: bool


def worker_settings(env: Mapping[str, str] = os.environ) -> WorkerSettings:
    """Settings of this container; raises SettingError."""
    gateway_port = _port(env, names.WORKFLOW_URL, names.GATEWAY_PORT)
    return WorkerSettings(
        events=_events(env),
        broker_url=worker_broker_url(env),
        wmgr_url=address(env, names.PROXIED_WORKFLOW_URL, default=f"http://localhost:{names.WMGR_PORT}"),
        filemgr_url=address(env, names.PROXIED_FILEMGR_URL, default=FILEMGR_URL),
        gateway_port=gateway_port,
        gateway_url=f"http://{_own_address()}:{gateway_port}",
        filemgr_gateway_port=_port(env, names.FILEMGR_URL, names.FILEMGR_PORT),
        ledger=Path(env.get(names.OODT_LEDGER) or names.LEDGER_DIR),
        run_dir=Path(env.get(names.OODT_RUN_DIR) or names.RUN_DIR),
        node=env.get(names.NODE_NAME) or socket.gethostname(),
        stop_grace=integer(env, names.STOP_GRACE_SECONDS, names.DEFAULT_STOP_GRACE_SECONDS, least=0),
        lease=integer(env, names.LEASE_SECONDS, names.DEFAULT_LEASE_SECONDS),
        proxy=_boolean(env, names.PROXY),
    )


def worker_broker_url(env: Mapping[str, str] = os.environ) -> str:
    """Address of the broker, with user and password, as a container knows it."""
    url = env.get(names.RABBITMQ_USER_URL) or secret(names.RABBITMQ_USER_SECRET)
    if not url:
        raise SettingError(
            f"{names.RABBITMQ_USER_URL} is not set and there is no secret {names.RABBITMQ_USER_SECRET}: "
            f"set {names.RABBITMQ_USER_URL}=amqp://USER:PASSWORD@HOST:{names.AMQP_PORT}/%2F"
        )
    return _amqp(url)


def command_broker_url(env: Mapping[str, str] = os.environ) -> str:
    """Address of the broker for an operator's command: as in a container, else the stack's output."""
    url = env.get(names.RABBITMQ_USER_URL) or secret(names.RABBITMQ_USER_SECRET)
    try:
        return _amqp(url or stack.address(names.USER_URL_OUTPUT, variable=names.RABBITMQ_USER_URL))
    except stack.NoAnswer as error:
        raise NoBrokerAddress(str(error)) from error


def admin_url(env: Mapping[str, str] = os.environ) -> str:
    """Address of the broker's management, with user and password; raises SettingError."""
    return _http(env.get(names.RABBITMQ_ADMIN_URL) or secret(names.RABBITMQ_ADMIN_SECRET))


def command_admin_url(env: Mapping[str, str] = os.environ) -> str:
    """The same for an operator's command or script: as in a container, else the stack's output."""
    url = env.get(names.RABBITMQ_ADMIN_URL) or secret(names.RABBITMQ_ADMIN_SECRET)
    try:
        return _http(url or stack.address(names.ADMIN_URL_OUTPUT, variable=names.RABBITMQ_ADMIN_URL))
    except stack.NoAnswer as error:
        raise NoBrokerAddress(str(error)) from error


def command_priority(event: str, env: Mapping[str, str] = os.environ) -> Priority:
    """The event's own priority, as the container or the stack says that has told the broker's address.

    Normal where the address alone is known.
    """
    priorities: Mapping[str, Priority] = {}
    if described := env.get(names.EVENTS):
        priorities = {each.name: each.priority for each in _listed_events(described)}
    elif not (env.get(names.RABBITMQ_USER_URL) or secret(names.RABBITMQ_USER_SECRET)):
        try:
            priorities = stack.outputs().get(names.PRIORITIES_OUTPUT, {})
        except stack.NoAnswer as error:
            raise NoBrokerAddress(str(error)) from error
    return priorities.get(event, "normal")


def secret(path: str) -> str:
    """Content of a docker secret; empty if there is none."""
    try:
        return Path(path).read_text().strip()
    except FileNotFoundError:
        return ""


def _amqp(url: str) -> str:
    # The value holds a password, so the error does not repeat it.
    try:
        parts = urlsplit(url)
        valid = (
            parts.scheme in {"amqp", "amqps"}
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        valid = False
    if not valid:
        raise SettingError(
            f"the broker's address is not of the form amqp://USER:PASSWORD@HOST:{names.AMQP_PORT}/%2F: "
            f"correct {names.RABBITMQ_USER_URL}"
        )
    if problem := _parameters_problem(url):
        raise SettingError(f"the broker's address {problem}: correct {names.RABBITMQ_USER_URL}")
    return url


def _parameters_problem(url: str) -> str | None:
    """What pika does not take of a well-formed address."""
    bare, _, query = url.partition("?")
    try:
        pika.URLParameters(bare)
    except (ValueError, TypeError):
        return "has a user without a password"
    for part in (*query.split("&"), query):
        try:
            pika.URLParameters(f"{bare}?{part}")
        except (ValueError, TypeError, SyntaxError, AttributeError, OSError):
            # TLS options may hold the password of a key.
            shown = repr(part) if PLAIN_PARAMETERS.fullmatch(part) else "a part after its '?'"
            return f"ends with {shown}, which cannot be used"
    return None


def _http(url: str) -> str:
    # The value holds a password, so the error does not repeat it.
    if not _is_http(url, login=True):
        raise SettingError(
            f"the address of the broker's management is not of the form http://USER:PASSWORD@HOST:"
            f"{names.MANAGEMENT_PORT}: correct {names.RABBITMQ_ADMIN_URL}"
        )
    return url


def _events(env: Mapping[str, str]) -> tuple[Event, ...]:
    described = env.get(names.EVENTS)
    events = _listed_events(described) if described else _named_events(env)
    seen = [event.name for event in events]
    twice = {name for name in seen if seen.count(name) > 1}
    if twice:
        raise SettingError(f"event {twice.pop()} is listed twice: list each event once")
    return events


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


def _listed_events(described: str) -> tuple[Event, ...]:
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
            _refuse(f"{names.EVENTS} of {entry['event']}: {key}", number, "a whole number of at least 1")
        if key == "max_workflows" and number > MOST_WORKFLOWS:
            _refuse(f"{names.EVENTS} of {entry['event']}: {key}", number, f"at most {MOST_WORKFLOWS}")
    if entry.get("priority", "normal") not in {"normal", "high"}:
        _refuse(f"{names.EVENTS} of {entry['event']}: priority", entry["priority"], "normal or high")
    try:
        return Event(name=entry["event"], **{key: value for key, value in entry.items() if key != "event"})
    except (TypeError, ValueError) as error:
        raise SettingError(f"{names.EVENTS}: {error}") from error


def integer(
    env: Mapping[str, str], name: str, default: int, *, least: int = 1, most: int | None = None
) -> int:
    """A whole number; raises SettingError."""
    text = env.get(name) or str(default)
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        _refuse(name, text, f"a whole number of at least {least}")
    if most is not None and number > most:
        _refuse(name, text, f"a whole number of at most {most}")
    return number


def _boolean(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name) or "false"
    if text not in {"true", "false"}:
        _refuse(name, text, "true or false")
    return text == "true"


def address(env: Mapping[str, str], name: str, *, default: str, schemes: Collection[str] = ("http",)) -> str:
    """Where a service is; raises SettingError."""
    url = env.get(name) or default
    if not _is_http(url, schemes=schemes):
        _refuse(name, url, f"an address like {default}")
    return url


def _is_http(url: str, *, schemes: Collection[str] = ("http", "https"), login: bool = False) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in schemes
            and bool(parts.hostname)
            and parts.port != 0
            and (bool(parts.username) or not login)
        )
    except ValueError:
        return False


def _own_address() -> str:
    """Where the other containers of the network reach this one."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "localhost"


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    """The port that the gateway is known by to this container's clients."""
    return urlsplit(address(env, name, default=f"http://localhost:{default}")).port or default


def _refuse(name: str, value: object, fix: str) -> NoReturn:
    raise SettingError(f"{name} is {value!r}: set it to {fix}")
