"""The operator's command that tells what the cluster does, and what became of a batch or a job."""

import contextlib
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.live import Live

from runtime.cli import status_views, swarm_views
from runtime.cli.command import Command, exit_with, word
from runtime.cli.display import Console
from runtime.cli.results import DONE, SOME_FAILED, BadUsage, Result
from runtime.cli.status_client import StatusClient, Unreachable, has_jobs, status_client
from runtime.cli.waiting import SETTLED_SECONDS, Outage
from runtime.messaging.announcements import FINAL

EVERY_SECONDS = 2.0
# In a file or a pipe no line is broken.
WIDE = 1000
LISTED_BATCHES = 10
LISTED_REASONS = 10
LISTED_JOBS = 20
LISTED_CHANGES = 10

Answer = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class View:
    """What the operator looks at: cluster, batch or job.

    It is ``over`` when nothing more will happen to it; it must have looked so for ``settle`` seconds.
    ``failed`` tells whether jobs of it are dead or cancelled.
    """

    look: Callable[[], Answer]
    render: Callable[[Answer], RenderableType]
    line: Callable[[Answer], str]
    over: Callable[[Answer], bool]
    failed: Callable[[Answer], bool]
    settle: float = 0.0


def _run(options: Namespace) -> Result:
    if options.event and not (options.job or options.batch):
        raise BadUsage("--event goes with --job or --batch: say which, or leave it out")
    client = status_client()
    view = _view(client, options)
    answer = _follow(view, client, quiet=options.json) if options.follow else view.look()

    def show() -> None:
        Console(width=None if sys.stdout.isatty() else WIDE).print(view.render(answer))

    return Result(answer=answer, show=show, code=SOME_FAILED if view.failed(answer) else DONE)


def _view(client: StatusClient, options: Namespace) -> View:
    if options.job:
        return View(
            look=lambda: _job(client, options.job, options.event),
            render=status_views.job,
            line=lambda job: f"{job['job']}: {job['state'].lower()}, attempt {job['attempts']}",
            over=lambda job: job["state"] in FINAL,
            failed=lambda job: job["state"] in {"DEAD", "CANCELLED"},
        )
    if options.batch:
        return View(
            look=lambda: _batch(client, options.batch, options.event),
            render=status_views.batch,
            line=status_views.batch_line,
            # A service of an earlier version does not tell whether it is done.
            over=lambda batch: (
                batch["interrupted"]
                or batch.get("done", batch["submitted"] is not None and batch["ended"] >= batch["submitted"])
            ),
            failed=lambda batch: any(batch["states"].get(state) for state in ("DEAD", "CANCELLED")),
        )
    if options.nodes:
        return View(
            look=lambda: _nodes(client),
            render=swarm_views.swarm,
            line=swarm_views.nodes_line,
            over=lambda _: False,
            failed=lambda _: False,
        )
    return View(
        look=lambda: _overview(client),
        render=status_views.overview,
        line=status_views.queues_line,
        over=lambda overview: (
            not overview["broker"]["problem"] and not any(map(has_jobs, overview["queues"]))
        ),
        failed=lambda _: False,
        settle=SETTLED_SECONDS,
    )


def _job(client: StatusClient, job: str, event: str | None) -> Answer:
    found = client.find(job, event)
    return {**found, "changes": client.changes_of(found["event"], found["job"])}


def _nodes(client: StatusClient) -> Answer:
    return {**client.swarm(), "changes": client.changes(limit=LISTED_CHANGES)}


def _batch(client: StatusClient, batch: str, event: str | None) -> Answer:
    found = client.batch(batch, event)
    jobs = {"batch": batch, "event": found["event"]}
    return {
        **found,
        "reasons": client.reasons(limit=LISTED_REASONS, **jobs),
        "newest": client.jobs(limit=LISTED_JOBS, **jobs),
    }


def _overview(client: StatusClient) -> Answer:
    overview = client.overview()
    return {
        **overview,
        "batches": overview["batches"][:LISTED_BATCHES],
        "reasons": client.reasons(limit=LISTED_REASONS),
    }


def _follow(view: View, client: StatusClient, *, quiet: bool) -> Answer:
    """Look again and again until it is over, showing what changes, and what cannot be reached meanwhile."""
    console = Console(stderr=True)
    live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
    service, broker = Outage("the status service"), Outage("the broker")

    def tell(line: str | None) -> None:
        if line is not None:
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    def look_again() -> Answer:
        while True:
            time.sleep(EVERY_SECONDS)
            try:
                answer, connected = view.look(), client.broker_connected()
            except Unreachable:
                tell(service.update(reachable=False))
                continue
            tell(service.update(reachable=True))
            tell(broker.update(reachable=connected))
            return answer

    told = ""
    over_since: float | None = None
    with live or contextlib.nullcontext():
        # A service that has never answered is an error; one that has is waited for.
        answer = view.look()
        while True:
            if live:
                live.update(view.render(answer), refresh=True)
            elif not quiet and (line := view.line(answer)) != told:
                tell(line)
                told = line
            now = time.monotonic()
            over_since = (over_since or now) if view.over(answer) else None
            if over_since is not None and now - over_since >= view.settle:
                return answer
            answer = look_again()


def _add_options(parser: ArgumentParser) -> None:
    subject = parser.add_mutually_exclusive_group()
    subject.add_argument("--batch", type=word, metavar="ID", help="a batch: progress, reasons, newest jobs")
    subject.add_argument(
        "--job", type=word, metavar="ID", help="a job: its runs with node, times, reason, its products"
    )
    subject.add_argument(
        "--nodes",
        action="store_true",
        help="the swarm: nodes with disk, memory, clock and containers, services, what changed",
    )
    parser.add_argument(
        "--event", type=word, help="the event, where several have a job or a batch of this name"
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="until the job or the batch has ended; without one, until no job is queued or runs; with "
        "--nodes, until you stop it",
    )


COMMAND = Command(
    name="status",
    description="Show what the cluster does, or what became of a batch or a job.",
    examples=(
        "",
        "--batch 20260105-101500-3f2a1c --follow",
        "--job 20260105-101500-3f2a1c.7 --json",
        "--nodes",
    ),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
