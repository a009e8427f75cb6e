"""The operator's command that tries a workflow, oodt try DIR: one job, in one container, no cluster."""

import os
import secrets
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime import names
from runtime.cli import batches, workflow_options
from runtime.cli.command import Command, event, exit_with, take_over_timeout, word
from runtime.cli.results import DONE, SOME_FAILED, TIMED_OUT, BadInput, Result, TimedOut
from runtime.cli.terminal import tell
from runtime.cli.try_container import Outcome, container
from runtime.cli.try_image import image
from runtime.messaging.event import Event
from runtime.messaging.messages import Metadata, Poison, metadata_from_object
from runtime.policy.checks import check
from runtime.policy.documents import Unreadable, parse
from runtime.policy.places import Places
from runtime.workflow_copy import archive


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is tried: a job of an event of a workflow. Its archive is the folder ``to``."""

    workflow: Places
    event: str
    metadata: Metadata
    to: Path


def _run(options: Namespace) -> Result:
    trial = _checked(options)
    chosen = options.image or image()
    seconds = take_over_timeout() or float(names.DEFAULT_JOB_TIMEOUT)
    began = time.monotonic()
    job = f"try-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
    name = f"oodt-{job}"
    tell(f"job {job} of {trial.event}, in container {name} of image {chosen}")
    with container(name, chosen, seconds=seconds) as started:
        started.give(
            {"id": job, "event": trial.event, "metadata": trial.metadata, "seconds": seconds},
            archive([trial.workflow.folder], variables={trial.workflow.name: trial.workflow.environment}),
        )
        outcome = started.outcome()
        if outcome["succeeded"]:
            started.archive(trial.to)
    result = _result(trial, job, outcome, seconds=time.monotonic() - began)
    if outcome["timed_out"]:
        raise TimedOut(f"not done within {options.timeout or seconds:g} s", result=result)
    return result


def _checked(options: Namespace) -> Trial:
    """All that can be found wrong before a container starts; raises BadInput."""
    found = workflow_options.workflows(options)
    if len(found) > 1:
        named = ", ".join(str(each.folder) for each in found)
        raise BadInput(f"DIR is {options.folder!r}, which has several workflows: name one of {named}")
    [workflow] = found
    to = Path(options.to or f"{workflow.name}-try").expanduser()
    if to.exists() and not to.is_dir():
        raise BadInput(f"--to is {str(to)!r}, which is no folder: name a folder, or one that is to be made")
    try:
        metadata = metadata_from_object(batches.pairs(options.metadata))
    except Poison as error:
        raise BadInput(str(error)) from error
    chosen = _event(workflow.policy / "events.xml", options.event)
    findings = check([workflow], events=[chosen])
    if errors := [str(each) for each in findings if each.severity == "error"]:
        raise BadInput("\n".join(["the workflow cannot run as it is:", *errors]))
    for warning in findings:
        tell(str(warning))
    return Trial(workflow=workflow, event=chosen, metadata=metadata, to=to)


def _event(file: Path, given: str | None) -> str:
    """The event that is named, or the only one that the workflow has."""
    try:
        events = parse(file).all("event")
    except (OSError, Unreadable) as error:
        raise BadInput(f"{file} cannot be read ({error}): mend it") from error
    known = list(dict.fromkeys(each["name"] for each in events))
    listed = ", ".join(known) or "none"
    if given and given not in known:
        raise BadInput(f"--event is {given!r}: {file} has no such event; it has: {listed}")
    if not given and len(known) != 1:
        raise BadInput(f"{file} has {len(known)} events: name one with --event: {listed}")
    try:
        return Event(name=given or known[0]).name
    except ValueError as error:
        raise BadInput(f"{file}: {error}") from error


def _result(trial: Trial, job: str, outcome: Outcome, *, seconds: float) -> Result:
    succeeded = outcome["succeeded"]
    products = [_here(product, outcome["archive"], trial.to) for product in outcome["products"]]
    answer = {
        "job": job,
        "event": trial.event,
        "state": "SUCCEEDED" if succeeded else "DEAD",
        "seconds": round(seconds, 2),
        "to": str(trial.to),
        **{key: outcome[key] for key in ("reason", "log")},
        "products": products,
    }
    code = DONE if succeeded else TIMED_OUT if outcome["timed_out"] else SOME_FAILED
    return Result(answer=answer, show=lambda: _show(answer), code=code)


def _here(product: Mapping[str, Any], archive: str, to: Path) -> dict[str, Any]:
    """A product whose files are in the folder here. A file that is outside of the archive keeps its path."""
    inner = [os.path.relpath(path, archive) for path in product["archived"]]
    archived = [
        path if relative.startswith("..") else str(to / relative)
        for path, relative in zip(product["archived"], inner, strict=True)
    ]
    return {**product, "archived": archived}


def _show(answer: Mapping[str, Any]) -> None:
    products = answer["products"]
    if answer["state"] == "SUCCEEDED":
        print(f"succeeded in {answer['seconds']:.1f} s; {len(products)} products in {answer['to']}")
        for product in products:
            for path in product["archived"]:
                print(f"  {product['type']}: {path}")
        return
    print(f"failed after {answer['seconds']:.1f} s: {answer['reason']}")
    if answer["log"]:
        print(f"last of its log:\n{answer['log']}")


def _add_options(parser: ArgumentParser) -> None:
    workflow_options.add(parser, metadata="metadata of the job; repeat it for more")
    parser.add_argument("--event", type=event, help="the event, where the workflow has several")
    parser.add_argument(
        "--to",
        type=word,
        metavar="FOLDER",
        help="the folder for the products (NAME-try, of the workflow NAME)",
    )
    parser.add_argument(
        "--image",
        type=word,
        metavar="NAME",
        help="the image to use (the newest that a stack has made on this machine, or one that is built)",
    )


COMMAND = Command(
    name="try",
    description="Run one job of a workflow in a container of this machine, without a cluster, and show what "
    "became of it: the reason and the log if it failed, else its products, which are put into a folder. The "
    "verdict is the cluster's. The container is removed.",
    examples=(
        "workflows/test-workflow --metadata Dataset=abc --metadata Project=123 --metadata Run=1",
        "my-workflow --event my-event --metadata Input=a.dat --to results --timeout 60",
    ),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(lambda: COMMAND.main(program="python -m runtime.dry_run"))
