"""The operator's command that tells the story of a job, with all that its programs wrote.

It asks the status service, which has the share: nobody needs a shell on a node.
"""

import codecs
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from runtime.cli.command import Command, exit_with, word
from runtime.cli.results import BadUsage, Result
from runtime.cli.status_client import StatusClient, Unreachable, status_client
from runtime.cli.terminal import tell
from runtime.cli.waiting import Outage
from runtime.messaging.announcements import FINAL
from runtime.messaging.excerpt import readable
from runtime.messaging.screen import ROWS, Screen
from runtime.records.unpack import Unpack

EVERY_SECONDS = 1.0
# Of each program, in the object that --json prints.
JSON_LINES = 1000

Told = dict[str, Any]


def _run(options: Namespace) -> Result:
    if options.follow and options.json:
        raise BadUsage("--follow shows lines as they come: leave out --json")
    client = status_client()
    job = client.find(options.job, options.event)
    if options.follow:
        _follow(client, job, options.tail)
        return Result(answer={}, show=_nothing)
    if options.json:
        lines = min(options.tail or JSON_LINES, JSON_LINES)
        story = [_with_lines(client, job, told, lines) for told in _so_far(client, job)]
        answer = {"job": job["job"], "event": job["event"], "state": job["state"], "story": story}
        return Result(answer=answer, show=_nothing)
    for told in _so_far(client, job):
        _show(told)
        if told["log"] is not None:
            log = _Log(client, job, told)
            _show_lines(_tail(_all(log), options.tail))
    return Result(answer={}, show=_nothing)


class _Log:
    """All that a program has written, read by parts as a terminal would show it."""

    def __init__(self, client: StatusClient, job: Told, told: Told, *, rows: int = ROWS) -> None:
        self._client = client
        self._job = job
        self._told = told
        self._offset = 0
        self._unpack = Unpack()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._screen = Screen(rows=rows)

    def more(self) -> Iterator[str]:
        """The lines that have come since the last time and do not change any more."""
        event, job, told = self._job["event"], self._job["job"], self._told
        while part := self._client.run_log(event, job, told["instance"], told["log"], self._offset):
            self._offset += len(part)
            for content in self._unpack.feed(part):
                yield from map(readable, self._screen.feed(self._decoder.decode(content)))

    def close(self) -> Iterator[str]:
        """The lines that are left."""
        yield from map(readable, self._screen.close())


def _so_far(client: StatusClient, job: Told) -> Iterator[Told]:
    after: int | None = 0
    while after is not None:
        page = client.story(job["event"], job["job"], after=after)
        yield from page["story"]
        after = page["next"]


def _follow(client: StatusClient, job: Told, tail: int | None) -> None:
    """Show what is told until the job has ended. A service that cannot tell for a while is asked again."""
    following, service = _Following(client, job, tail), Outage("the status service")
    # One that has never answered is an error.
    over = following.look()
    while not over:
        time.sleep(EVERY_SECONDS)
        try:
            over = following.look()
            line = service.update(reachable=True)
        except Unreachable:
            line = service.update(reachable=False)
        if line:
            tell(line)


class _Following:
    """What is told of a job that goes on. What is told late, as a run's journal is, is shown late."""

    def __init__(self, client: StatusClient, job: Told, tail: int | None) -> None:
        self._client = client
        self._job = job
        self._tail = tail
        self._shown: set[str] = set()
        self._logs: dict[tuple[str, str], _Log] = {}

    def look(self) -> bool:
        """Show what is new; whether the job has ended."""
        over = self._client.job(self._job["event"], self._job["job"])["state"] in FINAL
        for told in _so_far(self._client, self._job):
            if told["log"] is None:
                if repr(told) not in self._shown:
                    self._shown.add(repr(told))
                    _show(told)
                continue
            log = self._logs.get((told["instance"], told["log"]))
            if log is None:
                _show(told)
                log = self._logs[told["instance"], told["log"]] = _Log(self._client, self._job, told, rows=1)
                _show_lines(_tail(log.more(), self._tail))
            else:
                _show_lines(log.more())
        if over:
            for log in self._logs.values():
                _show_lines(log.close())
        return over


def _with_lines(client: StatusClient, job: Told, told: Told, most: int) -> Told:
    if told["log"] is None:
        return told
    return {**told, "lines": list(deque(_all(_Log(client, job, told)), most))}


def _all(log: _Log) -> Iterator[str]:
    yield from log.more()
    yield from log.close()


def _tail(lines: Iterator[str], most: int | None) -> Iterator[str]:
    return iter(deque(lines, most)) if most else lines


def _show(told: Told) -> None:
    at = datetime.fromtimestamp(told["at"]).isoformat(sep=" ", timespec="milliseconds")
    first, *others = readable(told["text"]).split("\n")
    print(f"{at}  {told['by']:16}  {first}", flush=True)
    _show_lines(iter(others))


def _show_lines(lines: Iterator[str]) -> None:
    for line in lines:
        print(f"  | {line}", flush=True)


def _nothing() -> None:
    """All is shown already."""


def _number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 10**9:
        raise ArgumentTypeError(f"{text!r} is no number of lines: use 1 or more")
    return int(text)


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--job", type=word, required=True, metavar="ID", help="the job (needed)")
    parser.add_argument("--event", type=word, help="the event, where several have a job of this name")
    parser.add_argument("--follow", action="store_true", help="until the job has ended")
    parser.add_argument(
        "--tail",
        type=_number,
        metavar="N",
        help=f"of each program only the last N lines; with --json never more than {JSON_LINES}",
    )


COMMAND = Command(
    name="logs",
    description="Tell the story of a job in one order: what consumer, Workflow Manager, programs and File "
    "Manager did for it, with all that its programs wrote, as a terminal would show it in the end.",
    examples=(
        "--job 20260105-101500-3f2a1c.7",
        "--job 20260105-101500-3f2a1c.7 --follow",
        "--job 20260105-101500-3f2a1c.7 --tail 20 --json",
    ),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
