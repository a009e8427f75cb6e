"""The operator's command that cancels jobs or batches, queued or running."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from runtime.cli.command import Command, exit_with, word
from runtime.cli.results import DONE, SOME_FAILED, Result, TimedOut
from runtime.cli.status_client import StatusClient, status_client
from runtime.messaging.announcements import FINAL


def _run(options: Namespace) -> Result:
    try:
        client = status_client()
        if options.batch:
            return _cancel_batch(client, options.batch, options.event, dry_run=options.dry_run)
        if options.dry_run:
            return _look_at_jobs(client, options.job, options.event)
        return _cancel_jobs(client, options.job, options.event)
    except TimedOut as error:
        raise TimedOut(f"{error}; run the same command again to go on") from None


def _cancel_batch(client: StatusClient, batch: str, event: str | None, *, dry_run: bool) -> Result:
    found = client.cancel_batch(batch, event, dry_run=dry_run)
    kept = ("batch", "stopped", "waiting", "done") if dry_run else ("batch", "stopped")

    def show() -> None:
        would = "would cancel " if dry_run else ""
        print(f"batch {batch}: {would}{found['text']}")

    return Result(answer={key: found[key] for key in kept}, show=show)


def _look_at_jobs(client: StatusClient, jobs: Sequence[str], event: str | None) -> Result:
    found = [client.cancel_job(event or client.find(job, None)["event"], job, dry_run=True) for job in jobs]
    open_jobs = [job["job"] for job in found if job["state"] not in FINAL]

    def show() -> None:
        for job in found:
            print(f"would be so: {job['text']}")

    return Result(answer={"jobs": open_jobs, "done": False}, show=show)


def _cancel_jobs(client: StatusClient, jobs: Sequence[str], event: str | None) -> Result:
    cancelled: list[dict[str, Any]] = []
    for job in jobs:
        name = event or client.find(job, None)["event"]
        cancelled.append({"job": job, "event": name, "state": client.cancel_job(name, job)["state"]})
    too_late = [job for job in cancelled if job["state"] != "CANCELLED"]

    def show() -> None:
        for job in cancelled:
            print(f"{job['job']}: {job['state'].lower()}{' already' if job in too_late else ''}")

    return Result(answer={"jobs": cancelled}, show=show, code=SOME_FAILED if too_late else DONE)


def _add_options(parser: ArgumentParser) -> None:
    subject = parser.add_mutually_exclusive_group(required=True)
    subject.add_argument("--batch", type=word, metavar="ID", help="cancel what has not ended of this batch")
    subject.add_argument(
        "--job", type=word, metavar="ID", action="append", help="cancel this job; repeat it for more"
    )
    parser.add_argument("--dry-run", action="store_true", help="only tell what would happen")
    parser.add_argument(
        "--event",
        type=word,
        help="the event, where several have a batch of this name, or the job belongs to no batch",
    )


COMMAND = Command(
    name="cancel",
    description="Cancel jobs, or all of a batch that has not ended. Running jobs are stopped in seconds, "
    "their programs killed and their products removed. Queued jobs end when their turn comes. Exit code 1: "
    "a job had ended before.",
    examples=(
        "--batch 20260105-101500-3f2a1c --dry-run",
        "--job 20260105-101500-3f2a1c.7 --dry-run",
        "--job 20260105-101500-3f2a1c.7 --job 20260105-101500-3f2a1c.8",
    ),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
