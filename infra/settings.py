"""The stack's settings: typed, and checked before any resource is declared."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal, TypeVar
from xml.etree import ElementTree

from pulumi.runtime import config as pulumi_config

T = TypeVar("T", bound=str)

Target = Literal["local"]
Priority = Literal["normal", "high"]

KEYS = (
    "target",
    "worker_nodes",
    "wm_replicas",
    "max_workflows",
    "proxy",
    "workflow_dir",
    "workflow_queue",
    "workflows",
    "max_attempts",
    "job_timeout",
    "subnet",
)
WORKFLOW_KEYS = ("event", "dir", "max_workflows", "priority", "max_attempts", "job_timeout")
WORKFLOW_PARTS = ("policy", "pge-configs", "pges")


class ConfigurationError(ValueError):
    """A setting that cannot be used; the message says which key, which value and what to type instead."""

    def __init__(self, key: str, value: object, problem: str, fix: str) -> None:
        super().__init__(f"{key} is {value!r}: {problem}\n  fix: {fix}")
        self.key = key
        self.value = value


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One OODT workflow that the cluster serves.

    ``directory`` is the operator's folder NAME/ with policy/, pge-configs/ and pges/;
    ``job_timeout`` is in seconds.
    """

    event: str
    directory: Path
    max_workflows: int
    priority: Priority
    max_attempts: int
    job_timeout: int

    @property
    def name(self) -> str:
        """The folder's own name, which is part of the paths that the workflow's files use in a container."""
        return self.directory.name


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that an operator chooses for a stack."""

    project: str
    stack: str
    target: Target
    worker_nodes: int
    wm_replicas: int
    proxy: bool
    workflows: tuple[Workflow, ...]
    subnet: IPv4Network

    @property
    def prefix(self) -> str:
        """Start of every name that the stack gives to something outside itself."""
        return f"{self.project}-{self.stack}"


def load(config: Mapping[str, str], *, project: str, stack: str, root: Path) -> Settings:
    """Check a stack's configuration and return it typed.

    ``config`` maps ``project:key`` to text, as the engine hands it over, defaults of Pulumi.yaml included;
    relative folders are below ``root``.

    Raises ConfigurationError for the first key that is unknown, missing or out of its range.
    """
    values = _Values(
        {
            key.removeprefix(f"{project}:"): text
            for key, text in config.items()
            if key.startswith(f"{project}:")
        }
    )
    values.refuse_unknown(KEYS)
    return Settings(
        project=project,
        stack=stack,
        target=values.choice("target", ("local",)),
        worker_nodes=values.integer("worker_nodes", 1, 50),
        wm_replicas=values.integer("wm_replicas", 1, 500),
        proxy=values.choice("proxy", ("true", "false")) == "true",
        workflows=_workflows(values, root),
        subnet=values.network("subnet", longest_prefix=26),
    )


def of_the_engine() -> dict[str, str]:
    """The whole configuration of the stack that is being deployed, as ``project:key`` to text.

    pulumi.Config answers for one key at a time: an unknown one would go unnoticed. A language host hands
    the configuration over in the environment, or sets it where it runs the program in its own process.
    """
    return {**pulumi_config.get_config_env(), **pulumi_config.CONFIG.get()}


class _Values:
    """Texts by key, read as what they should be; ``scope`` is put before the key in errors."""

    def __init__(self, values: Mapping[str, Any], scope: str = "") -> None:
        self._values = values
        self._scope = scope

    def error(self, key: str, problem: str, example: object) -> ConfigurationError:
        path = f"{self._scope}{key}"
        option = "--path " if self._scope else ""
        return ConfigurationError(
            path,
            self._values.get(key),
            problem,
            f"pulumi config set {option}{_quoted(path)} {_quoted(str(example))}",
        )

    def refuse_unknown(self, known: tuple[str, ...]) -> None:
        for key in sorted(set(self._values) - set(known)):
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the known keys are {', '.join(known)}."
            path = f"{self._scope}{key}"
            option = "--path " if self._scope else ""
            raise ConfigurationError(
                path,
                self._values[key],
                f"there is no such key; {hint}",
                f"pulumi config rm {option}{_quoted(path)}",
            )

    def text(self, key: str, example: object) -> str:
        value = self._values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, "it must be a text that is not empty.", example)
        return value.strip()

    def integer(self, key: str, least: int, most: int) -> int:
        value = self._values.get(key)
        try:
            number = int(str(value))
        except ValueError:
            number = least - 1
        if isinstance(value, bool) or not least <= number <= most:
            raise self.error(key, f"it must be a whole number from {least} to {most}.", least)
        return number

    def choice(self, key: str, choices: tuple[T, ...]) -> T:
        value = self._values.get(key)
        for choice in choices:
            if value == choice:
                return choice
        raise self.error(key, f"it must be {' or '.join(choices)}.", choices[0])

    def network(self, key: str, longest_prefix: int) -> IPv4Network:
        example = "10.213.0.0/24"
        try:
            network = IPv4Network(str(self._values.get(key)))
        except ValueError as problem:
            raise self.error(key, f"it is not an IPv4 network ({problem}).", example) from None
        if network.prefixlen > longest_prefix:
            raise self.error(
                key, f"it has too few addresses; /{longest_prefix} or shorter is needed.", example
            )
        return network


def _workflows(values: _Values, root: Path) -> tuple[Workflow, ...]:
    defaults: dict[str, Any] = {
        "max_workflows": values.integer("max_workflows", 1, 256),
        "priority": "normal",
        "max_attempts": values.integer("max_attempts", 1, 10),
        "job_timeout": values.integer("job_timeout", 1, 604_800),
    }
    listed = _listed(values)
    if not listed:
        entry = {
            "event": values.text("workflow_queue", "test-workflow"),
            "dir": values.text("workflow_dir", "workflows/test-workflow"),
        }
        workflow = _workflow(_Values(defaults | entry), root)
        _check_files(workflow, values, "workflow_dir", "workflow_queue")
        return (workflow,)
    workflows: list[Workflow] = []
    for index, entry in enumerate(listed):
        scoped = _Values(defaults | entry, scope=f"workflows[{index}].")
        scoped.refuse_unknown(WORKFLOW_KEYS)
        workflow = _workflow(scoped, root)
        _check_files(workflow, scoped, "dir", "event")
        if workflow.event in {other.event for other in workflows}:
            raise scoped.error("event", "another entry has this event already; events must differ.", "EVENT")
        if workflow.name in {other.name for other in workflows}:
            raise scoped.error(
                "dir", "another entry's folder has this name already; names must differ.", "FOLDER"
            )
        workflows.append(workflow)
    return tuple(workflows)


def _listed(values: _Values) -> list[dict[str, Any]]:
    example = '[{"event": "test-workflow", "dir": "workflows/test-workflow"}]'
    try:
        listed = json.loads(values.text("workflows", example))
    except json.JSONDecodeError as problem:
        raise values.error("workflows", f"it is not JSON ({problem}).", example) from None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise values.error("workflows", "it must be a list of objects.", example)
    return listed


def _workflow(values: _Values, root: Path) -> Workflow:
    return Workflow(
        event=values.text("event", "test-workflow"),
        directory=(root / Path(values.text("dir", "workflows/test-workflow")).expanduser()).resolve(),
        max_workflows=values.integer("max_workflows", 1, 256),
        priority=values.choice("priority", ("normal", "high")),
        max_attempts=values.integer("max_attempts", 1, 10),
        job_timeout=values.integer("job_timeout", 1, 604_800),
    )


def _check_files(workflow: Workflow, values: _Values, dir_key: str, event_key: str) -> None:
    """Look into the workflow's folder now: a missing part would else show only as jobs that never start."""
    for part in WORKFLOW_PARTS:
        if not (workflow.directory / part).is_dir():
            raise values.error(
                dir_key,
                f"{workflow.directory / part} is not a folder; a workflow has {', '.join(WORKFLOW_PARTS)}.",
                "FOLDER",
            )
    events_file = workflow.directory / "policy" / "events.xml"
    try:
        events = [event.get("name", "") for event in ElementTree.parse(events_file).iter("event")]
    except (OSError, ElementTree.ParseError) as problem:
        raise values.error(dir_key, f"its policy/events.xml cannot be read ({problem}).", "FOLDER") from None
    if workflow.event not in events:
        known = ", ".join(events) or "none"
        raise values.error(
            event_key, f"{events_file} has no such event; it has: {known}.", events[0] if events else "EVENT"
        )


def _quoted(text: str) -> str:
    """The text as one word of a shell's command line."""
    plain = text and all(letter.isalnum() or letter in "-_./:" for letter in text)
    return text if plain else "'" + text.replace("'", "'\\''") + "'"
