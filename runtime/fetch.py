"""The operator's command that brings the products of jobs, with their metadata, to this machine."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.cli.command import Command, exit_with, word
from runtime.cli.fetch_display import display
from runtime.cli.fetching import Fetched, fetch
from runtime.cli.result_folder import ResultFolder
from runtime.cli.results import DONE, SOME_FAILED, Result, SomeFailed, TimedOut

LISTED_PROBLEMS = 20


def _run(options: Namespace) -> Result:
    wanted = {"job": options.job, "batch": options.batch, "event": options.event}
    fetched = Fetched()
    try:
        with ResultFolder(options.to) as folder, display(fetched) as tell:
            fetch(wanted, folder, fetched, tell)
    except TimedOut as error:
        raise TimedOut(_go_on(error), result=_result(options, fetched)) from None
    except OSError as error:
        raise SomeFailed(_go_on(error), result=_result(options, fetched)) from error
    return _result(options, fetched)


def _go_on(error: Exception) -> str:
    return f"{error}; run the same command again to go on"


def _result(options: Namespace, fetched: Fetched) -> Result:
    about = fetched.about
    states: dict[str, int] = about.get("states", {})
    others = {state.lower(): jobs for state, jobs in states.items() if state != "SUCCEEDED"}
    if about.get("waiting"):
        others["waiting"] = about["waiting"]
    answer = {
        **({"job": options.job} if options.job else {"batch": options.batch}),
        "event": about.get("event"),
        "to": str(options.to),
        "succeeded": states.get("SUCCEEDED", 0),
        "others": others,
        "products": fetched.listed,
        "fetched": fetched.fetched,
        "bytes": fetched.bytes,
        "present": fetched.present,
        "shared": fetched.shared,
        "failed": fetched.failed,
        "problems": fetched.problems,
    }
    code = SOME_FAILED if others or fetched.failed else DONE
    return Result(answer=answer, show=lambda: _show(answer, about.get("reason")), code=code)


def _show(answer: Mapping[str, Any], reason: str | None) -> None:
    if job := answer.get("job"):
        for state in answer["others"]:
            print(f"job {job} has not succeeded: it is {state}" + (f": {reason}" if reason else ""))
    elif others := answer["others"]:
        counts = ", ".join(f"{jobs} {state}" for state, jobs in others.items())
        jobs = sum(others.values()) + answer["succeeded"]
        print(f"{sum(others.values())} of {jobs} jobs of {answer['batch']} have not succeeded: {counts}")
    if not answer["products"]:
        if answer["succeeded"]:
            print("the jobs that have succeeded have no products")
        return
    parts = [
        f"{answer['fetched']} brought ({answer['bytes'] / 1e6:.1f} MB)",
        f"{answer['present']} there already",
        f"{answer['shared']} in the place of a later one" if answer["shared"] else "",
        f"{answer['failed']} failed" if answer["failed"] else "",
    ]
    print(f"{answer['products']} products in {answer['to']}: {', '.join(filter(None, parts))}")
    for each in answer["problems"][:LISTED_PROBLEMS]:
        print(f"  {each['product']} of {each['job']}: {each['problem']}")
    if answer["failed"] > LISTED_PROBLEMS:
        print("  ...")


def _add_options(parser: ArgumentParser) -> None:
    subject = parser.add_mutually_exclusive_group(required=True)
    subject.add_argument("--batch", type=word, metavar="ID", help="the products of this batch's jobs")
    subject.add_argument("--job", type=word, metavar="ID", help="the products of this job")
    parser.add_argument(
        "--to",
        type=_folder,
        required=True,
        metavar="DIR",
        help="folder for them; it is made if it is missing",
    )
    parser.add_argument(
        "--event", type=word, help="the event, where several have a job or a batch of this name"
    )


def _folder(text: str) -> Path:
    # An empty one comes from a shell variable that is not set.
    if not text:
        raise ArgumentTypeError("'' is no folder: give its path")
    return Path(text)


COMMAND = Command(
    name="fetch",
    description="Bring the products of jobs that have succeeded to a folder on this machine, each with its "
    "metadata, over ssh. What is there and right is not brought again. Exit code 1: some of the jobs have "
    "not succeeded, or a product could not be brought.",
    examples=(
        "--batch 20260105-101500-3f2a1c --to results",
        "--job 20260105-101500-3f2a1c.7 --to results --json",
    ),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
