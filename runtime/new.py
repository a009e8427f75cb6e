"""The operator's command that writes the folder of a new workflow: oodt new DIR."""

import re
import shlex
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from runtime.cli import new_folder
from runtime.cli.command import Command, exit_with
from runtime.cli.results import BadInput, Result
from runtime.messaging.event import Event
from runtime.policy import expressions
from runtime.policy.checks import check
from runtime.policy.places import find

KEY = re.compile(r"[A-Za-z_]\w*")


def _run(options: Namespace) -> Result:
    folder = Path(options.folder).expanduser().absolute()
    try:
        Event(name=folder.name)
    except ValueError as problem:
        raise BadInput(
            f"DIR is {options.folder!r}, and its last part cannot name an event: {problem}"
        ) from None
    if folder.exists() or folder.is_symlink():
        raise BadInput(
            f"DIR is {options.folder!r}, and there is something of that name: give a name that is free"
        )
    plan = new_folder.plan(folder.name, options.command, options.metadata, options.output)
    try:
        written = new_folder.write(folder, plan)
    except OSError as problem:
        raise BadInput(f"DIR is {options.folder!r}, which cannot be written: {problem}") from problem
    findings = [str(each) for each in check(find(folder))]
    sent = " ".join(f"--metadata {key}=VALUE" for key in options.metadata)
    lines = [
        f"oodt check {shlex.quote(options.folder)}",
        f"oodt try {shlex.quote(options.folder)} {sent}".strip(),
        f"pulumi config set workflow_dir {shlex.quote(str(folder))}",
        f"pulumi config set workflow_queue {folder.name}",
        "pulumi up",
        " ".join(f"oodt submit --event {folder.name} --jobs 1 {sent} --wait".split()),
    ]

    def show() -> None:
        print(*(f"{options.folder}/{name}" for name in written), *findings, "", "next:", sep="\n")
        print(*(f"  {line}" for line in lines), sep="\n")

    return Result(
        answer={"folder": str(folder), "event": folder.name, "files": written, "findings": findings},
        show=show,
    )


def _key(text: str) -> str:
    if not KEY.fullmatch(text) or text in new_folder.TAKEN:
        raise ArgumentTypeError(
            f"{text!r} cannot name metadata of a job: use a word that OODT has no meaning for"
        )
    return text


def _expression(text: str) -> str:
    reason, certain = expressions.problem(text)
    if not text or certain:
        raise ArgumentTypeError(
            f"{text!r} is no regular expression ({reason or 'empty'}): write it like .*\\.nc"
        )
    return text


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="the folder to write; its name is the event's too")
    parser.add_argument(
        "--command",
        required=True,
        metavar="LINE",
        help="what a job runs, with its metadata in brackets; [Output] is the file that it is to write",
    )
    parser.add_argument(
        "--metadata",
        action="append",
        default=[],
        type=_key,
        metavar="KEY",
        help="metadata that every job has; repeat it for more",
    )
    parser.add_argument(
        "--output",
        required=True,
        type=_expression,
        metavar="REGEXP",
        help="names of the files that are products, as a regular expression of Java's",
    )


COMMAND = Command(
    name="new",
    description="Write the folder of a new workflow with one task, as small as it can be. A program that "
    "LINE names by a path like ./process.py is copied into it; if it is not there, an example is written.",
    examples=(r"my-workflow --command './process.py [Input] [Output]' --metadata Input --output '.*\.nc'",),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
