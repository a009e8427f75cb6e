"""What a policy says of each event, for readers: its workflows, with their tasks and conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runtime.policy.documents import Element
from runtime.policy.files import Files
from runtime.policy.findings import Report
from runtime.policy.places import Places
from runtime.policy.tasks import CONFIG
from runtime.policy.workflows import Workflows, define, properties


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition of a task. One that nothing defines has an id alone."""

    id: str
    defined: bool
    name: str = ""
    class_name: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Task(Condition):
    """A task of a workflow. It begins once all its conditions hold, and has metadata of these names.

    ``pge_config`` is the configuration file of a PGE task.
    """

    pge_config: str | None = None
    required: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """The tasks of a workflow, which run one after the other. One that nothing defines has an id alone."""

    id: str
    defined: bool
    name: str = ""
    file: str = ""
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outline:
    """The workflows of each event, which OODT starts side by side, and what cannot be read."""

    events: Mapping[str, tuple[Workflow, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def outline(config: Path) -> Outline:
    """Of the policies in a container's folder of workflows, as runtime/workflow_copy.py lays them out."""
    try:
        folders = [config, *sorted(path for path in config.iterdir() if (path / "policy").is_dir())]
        policies = [Places.of(each) for each in folders if (each / "policy" / "events.xml").is_file()]
        if not policies:
            return Outline(problems=(f"there is no policy in {config}",))
        report = Report()
        defined = define(policies, Files(report), report)
    except OSError as error:
        return Outline(problems=(f"the policies in {config} cannot be read ({error.strerror})",))
    return Outline(
        events={
            event: tuple(_workflow(each, defined, config) for each in defined.of_event(event))
            for event in defined.events
        },
        problems=tuple(
            f"{_below(found.file, config)}, line {found.line}: {found.problem}"
            for found in report.findings()
            if found.severity == "error"
        ),
    )


def _workflow(id: str, defined: Workflows, config: Path) -> Workflow:
    element = defined.workflows.get(id)
    if element is None:
        return Workflow(id=id, defined=False)
    return Workflow(
        id=id,
        defined=True,
        name=element["name"],
        file=_below(element.file, config),
        tasks=tuple(_task(each["id"], defined) for each in element.within("tasks", "task")),
    )


def _task(id: str, defined: Workflows) -> Task:
    element = defined.tasks.get(id)
    if element is None:
        return Task(id=id, defined=False)
    found = _properties(element, defined)
    return Task(
        id=id,
        defined=True,
        name=element["name"],
        class_name=element["class"],
        pge_config=found.pop(CONFIG, None),
        properties=found,
        required=tuple(defined.required_by(element)),
        conditions=tuple(
            _condition(each["id"], defined) for each in element.within("conditions", "condition")
        ),
    )


def _condition(id: str, defined: Workflows) -> Condition:
    element = defined.conditions.get(id)
    if element is None:
        return Condition(id=id, defined=False)
    return Condition(
        id=id,
        defined=True,
        name=element["name"],
        class_name=element["class"],
        properties=_properties(element, defined),
    )


def _properties(element: Element, defined: Workflows) -> dict[str, str]:
    """With variables filled in; as they are written where a value differs from container to container."""
    written = {each["name"]: each["value"] for each in element.within("configuration", "property")}
    filled = properties(element, defined.owners[element], Report())
    return {name: value if value is not None else written[name] for name, value in filled.items()}


def _below(file: Path, config: Path) -> str:
    """The path as people know it, wherever the container has the folder."""
    whole = config.resolve()
    return str(file.relative_to(whole) if file.is_relative_to(whole) else file)
