"""The check of workflows as a whole, before anything runs them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from runtime.policy import products, tasks, workflows
from runtime.policy.around import Around
from runtime.policy.classes import Classes
from runtime.policy.files import Files
from runtime.policy.findings import Finding, Report
from runtime.policy.places import PARTS, Places
from runtime.policy.workflows import Workflows

# A text that tells how to submit jobs has one of these.
TELLS_METADATA = re.compile(r"--metadata|--metaData|--key\b")


def check(
    folders: Sequence[Places], *, events: Collection[str] = (), metadata: Collection[str] | None = None
) -> list[Finding]:
    """All that is wrong with the workflows of one cluster.

    ``events``, if there are any, are those that jobs are sent to: what no job can get to is only a warning.
    ``metadata``, if given, are the keys of all that a job has.
    """
    report = Report()
    files = Files(report)
    for places in folders:
        for part, folder in zip(PARTS, (places.policy, places.pge_configs, places.pges), strict=True):
            if not folder.is_dir():
                report.error(
                    folder, f"the folder {part} is missing", f"make it; a workflow has {', '.join(PARTS)}"
                )
    classes = {places.name: Classes(places, report) for places in folders}
    defined = workflows.read(folders, events, files, classes, report)
    catalogue = products.read(folders, files, classes, report)
    around = Around(folders=folders, products=catalogue, files=files, classes=classes, report=report)
    left = tasks.check(defined, metadata or (), around)
    for event in sorted(set(events) - set(defined.events)):
        known = ", ".join(sorted(defined.events)) or "none"
        report.error(folders[0].policy / "events.xml", f"there is no event {event}", f"use one of: {known}")
    if metadata is not None:
        _required(defined, {*metadata, *left}, report)
    for places in folders:
        _documented(places, defined, report)
        for file in sorted(places.pge_configs.glob("*.xml")):
            if file.is_file() and not file.name.startswith("."):
                files.read(file)
    return report.findings()


def _required(defined: Workflows, has: Collection[str], report: Report) -> None:
    for name in filter(defined.uses_event, defined.events):
        for workflow in defined.of_event(name):
            for field, element in defined.required(workflow).items():
                if field not in has:
                    problem = f"event {name} needs metadata {field}, and a job without it is dead at once"
                    report.error(element, problem, f"add --metadata {field}=VALUE")


def _documented(places: Places, defined: Workflows, report: Report) -> None:
    """A README that tells how to submit jobs tells all that they need."""
    texts = [
        file.read_text("utf-8", "replace") for file in sorted(places.folder.glob("README*")) if file.is_file()
    ]
    text = "\n".join(texts)
    if not TELLS_METADATA.search(text):
        return
    for workflow, root in defined.workflows.items():
        if defined.owners[root] is places:
            for field, element in defined.required(workflow).items():
                if not re.search(rf"\b{re.escape(field)}\b", text):
                    report.warn(
                        element,
                        f"jobs need metadata {field}, which the README does not tell",
                        "tell it there",
                    )
