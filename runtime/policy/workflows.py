"""Rules for events, workflows, tasks and conditions, as OODT's XMLWorkflowRepository reads them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from runtime.policy import spelling
from runtime.policy.classes import Classes
from runtime.policy.definitions import by_id, named
from runtime.policy.documents import Element
from runtime.policy.files import Files
from runtime.policy.findings import Report
from runtime.policy.placeholders import fill_once
from runtime.policy.places import Places

FILES = (
    ("events.xml", "event", spelling.EVENTS),
    ("tasks.xml", "task", spelling.TASKS),
    ("conditions.xml", "condition", spelling.CONDITIONS),
)
NAMES = [name for name, _, _ in FILES]


@dataclass(kw_only=True)
class Workflows:
    """What one policy defines, by id; events by name."""

    events: dict[str, Element] = field(default_factory=dict)
    workflows: dict[str, Element] = field(default_factory=dict)
    tasks: dict[str, Element] = field(default_factory=dict)
    conditions: dict[str, Element] = field(default_factory=dict)
    owners: dict[Element, Places] = field(default_factory=dict)
    # The events that jobs are sent to; none if that can be any.
    used: Collection[str] = ()

    def uses_event(self, event: str) -> bool:
        return not self.used or event in self.used

    def uses_workflow(self, workflow: str) -> bool:
        return not self.used or any(workflow in self.of_event(event) for event in self.used)

    def uses_task(self, task: Element) -> bool:
        return not self.used or any(
            task in self.tasks_of(workflow) for event in self.used for workflow in self.of_event(event)
        )

    def tasks_of(self, workflow: str) -> list[Element]:
        """The tasks of a workflow that are defined, in their order."""
        if workflow not in self.workflows:
            return []
        listed = self.workflows[workflow].within("tasks", "task")
        return [self.tasks[each["id"]] for each in listed if each["id"] in self.tasks]

    def required(self, workflow: str) -> dict[str, Element]:
        """The metadata that a workflow's tasks require, with the first element that says so."""
        fields: dict[str, Element] = {}
        for task in reversed(self.tasks_of(workflow)):
            fields |= self.required_by(task)
        return fields

    def required_by(self, task: Element) -> dict[str, Element]:
        return {each["name"]: each for each in task.within("requiredMetFields", "metfield")}

    def of_event(self, event: str) -> list[str]:
        return [each["id"] for each in self.events[event].all("workflow")] if event in self.events else []


def define(
    policies: Sequence[Places], files: Files, report: Report, *, used: Collection[str] = ()
) -> Workflows:
    """What the policies of one Workflow Manager define, which knows them all together.

    Reported are files that cannot be read, and what is defined twice. USED are the events that jobs are
    sent to.
    """
    conditions: list[Element] = []
    tasks: list[Element] = []
    events: list[Element] = []
    workflows: list[Element] = []
    owners: dict[Element, Places] = {}
    for places in policies:
        found = [_all(places.policy / name, tag, known, files, report) for name, tag, known in FILES]
        roots = _workflow_roots(places, files, report)
        for into, elements in zip((events, tasks, conditions, workflows), (*found, roots), strict=True):
            into.extend(elements)
            owners.update(dict.fromkeys(elements, places))
    return Workflows(
        conditions=by_id(conditions, report),
        tasks=by_id(tasks, report),
        events=by_id(events, report, key="name"),
        workflows=by_id(workflows, report, last=False),
        owners=owners,
        used=used,
    )


def read(
    policies: Sequence[Places],
    used: Collection[str],
    files: Files,
    classes: Mapping[str, Classes],
    report: Report,
) -> Workflows:
    """Read the policies of one Workflow Manager, and report all that is wrong.

    What no job can get to is only a warning.
    """
    defined = define(policies, files, report, used=used)
    owners = defined.owners
    lenient = replace(report, is_lenient=True)
    for condition in defined.conditions.values():
        places = owners[condition]
        classes[places.name].check(condition, "class", condition["class"], "condition")
        properties(condition, places, report)
    for task in defined.tasks.values():
        told = report if defined.uses_task(task) else lenient
        _task(task, defined, classes[owners[task].name].with_report(told), told)
    for name, workflow in defined.workflows.items():
        _workflow(workflow, defined, report if defined.uses_workflow(name) else lenient)
    for name, event in defined.events.items():
        told = report if defined.uses_event(name) else lenient
        if not event.all("workflow"):
            problem = f"event {name} has no workflow, so OODT does not know it"
            told.error(event, problem, 'add <workflow id="..."/>')
        for each in event.all("workflow"):
            named(each, defined.workflows, "*.workflow.xml", "the event is refused", told)
    return defined


def _all(file: Path, tag: str, known: spelling.Known, files: Files, report: Report) -> list[Element]:
    if not file.is_file():
        report.error(file, "this file is missing", "make it, if only with an empty root element")
        return []
    root = files.read(file, known)
    return root.all(tag) if root else []


def properties(element: Element, places: Places, report: Report) -> dict[str, str | None]:
    """The properties in an element's <configuration>, with variables in them; None if a value is unknown."""
    found: dict[str, str | None] = {}
    for each in element.within("configuration", "property"):
        name, value = each["name"], each["value"]
        if name in found:
            report.warn(each, f"property {name} is there twice, and OODT uses the last", "remove one")
        found[name] = (
            environment(each, f"property {name}", value, places, report)
            if each.is_true("envReplace")
            else value
        )
    return found


def environment(at: Element, what: str, text: str, places: Places, report: Report) -> str | None:
    """TEXT with a container's variables in it; None if it has one whose value is not known here."""
    filled = fill_once(text, places.variables)
    if filled.broken:
        report.error(at, f"{what} is {text!r}, where {filled.broken}", "close the bracket")
        return None
    for name in filled.undefined:
        near = difflib.get_close_matches(name, places.variables, n=1, cutoff=0.85)
        problem = f"{what} refers to [{name}], a variable that no container has: OODT puts null in its place"
        if places.own_image:
            report.warn(at, problem, "see that your image sets it")
        elif near:
            report.error(at, problem, f"did you mean [{near[0]}]?")
        else:
            report.error(at, problem, "use a variable of a container; metadata are not filled in here")
    return filled.text if filled.is_known else None


def _workflow_roots(places: Places, files: Files, report: Report) -> list[Element]:
    roots = []
    for file in sorted(places.policy.glob("*.xml")):
        if not file.is_file() or file.name in NAMES or file.name.startswith("."):
            continue
        if file.name.endswith(".workflow.xml"):
            root = files.read(file, spelling.WORKFLOW)
            roots += [root] if root else []
            continue
        root = files.read(file)
        if root and root.tag.rpartition(":")[2] == "workflow" and root.first("tasks"):
            report.warn(
                root,
                "OODT reads workflows from files *.workflow.xml only",
                f"name it {file.stem}.workflow.xml",
            )
    return roots


def _task(task: Element, defined: Workflows, classes: Classes, report: Report) -> None:
    classes.check(task, "class", task["class"], "task")
    properties(task, defined.owners[task], report)
    for each in task.within("conditions", "condition"):
        named(each, defined.conditions, "conditions.xml", "the event is refused", report)
    for each in task.within("requiredMetFields", "metfield"):
        if not each["name"]:
            report.error(
                each, "<metfield> has no name, and no job has metadata without a name", "give it name="
            )


def _workflow(workflow: Element, defined: Workflows, report: Report) -> None:
    name = workflow["id"]
    if not workflow.first("tasks"):
        report.error(
            workflow, f"workflow {name} has no <tasks>: the Workflow Manager does not start", "add <tasks>"
        )
    elif not workflow.within("tasks", "task"):
        report.error(workflow, f"workflow {name} has no task", "add <task> elements within <tasks>")
    for each in workflow.within("tasks", "task"):
        named(each, defined.tasks, "tasks.xml", "the event is refused", report)
    for each in workflow.all("condition"):
        report.error(
            each,
            f"OODT 0.3 passes over conditions of a workflow: {each['id']} is never evaluated",
            "put it into <conditions> of a task",
        )
