"""The operator's command that deletes the products of jobs or of a batch."""

from argparse import ArgumentParser, Namespace
from typing import Any

from runtime.cli.command import Command, event, exit_with, word
from runtime.cli.results import DONE, SOME_FAILED, Result, TimedOut
from runtime.cli.status_client import status_client


def _run(options: Namespace) -> Result:
    client = status_client()
    gone = {"products": 0, "jobs": 0}
    try:
        while True:
            found = client.delete(
                options.event, batch=options.batch, jobs=options.job or (), dry_run=not options.yes
            )
            for key in gone:
                gone[key] += found[key]
            if not options.yes or not found["left"]:
                break
    except TimedOut as error:
        raise TimedOut(f"{error}; run the same command again to go on") from None
    answer: dict[str, Any] = {**gone, "unfinished": found["unfinished"], "done": options.yes}

    def show() -> None:
        some = (
            f"at least {found['text']}"
            if found["left"]
            else f"{gone['products']} products of {gone['jobs']} jobs"
        )
        print(f"{some}: {'deleted' if options.yes else 'nothing was deleted, add --yes to do it'}")
        if found["unfinished"]:
            print(f"{found['unfinished']} jobs have not ended: their products stay")

    return Result(answer=answer, show=show, code=SOME_FAILED if found["unfinished"] else DONE)


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--event", type=event, required=True, help="the jobs' event")
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--batch", type=word, metavar="ID", help="products of this batch's jobs")
    whose.add_argument(
        "--job", type=word, metavar="ID", action="append", help="products of this job; repeat it for more"
    )
    parser.add_argument("--yes", action="store_true", help="do it")


COMMAND = Command(
    name="delete",
    description="Delete the products of jobs that have ended: catalogue entries, and files that no other "
    "product has. Without --yes it only tells what would go. The jobs' records stay, so that none runs "
    "again. Exit code 1: some jobs have not ended.",
    examples=(
        "--event test-workflow --batch 20260105-101500-3f2a1c",
        "--event test-workflow --job 20260105-101500-3f2a1c.7 --yes",
    ),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
