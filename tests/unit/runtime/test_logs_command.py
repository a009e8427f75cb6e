"""oodt logs: the story of a job and its programs' output, by the status service's API alone."""

import gzip
import json
import resource
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runtime import logs, names
from runtime.cli.commands import load
from runtime.messaging.announcements import State, StateChange
from runtime.records.ledger import Ledger, Run
from runtime.status_service.store import Store
from testing.waiting import until
from tests.unit.runtime.status_api import parts, served

EVENT, TASK, LOG = "event", "urn:test:Task", "urn_test_Task.gz"
BIG_LINES = 2_000_000
SECONDS = 60


@dataclass(kw_only=True)
class Site:
    """A status service with a share."""

    folder: Path
    store: Store
    run: Run
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return self.environment["STATUS_URL"]

    def log(self, output: str, *, append: bool = False) -> None:
        path = self.folder / "jobs" / names.RUN_LOGS / self.run.id / LOG
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab" if append else "wb") as file:
            file.write(gzip.compress(output.encode()))

    def state(self, state: State) -> None:
        ended = time.time() if state == "SUCCEEDED" else None
        change = StateChange(
            job="a.1",
            event=EVENT,
            batch="a",
            state=state,
            run=1,
            attempts=1,
            node="n",
            queued=1.0,
            started=2.0,
            ended=ended,
        )
        self.store.apply([change])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    store = Store(tmp_path / "history.sqlite", keep=10)
    run = Ledger(tmp_path / "ledger", node="worker1", lease=30).claim(EVENT, "a.1")
    assert isinstance(run, Run)
    with served(parts(store, "t", tmp_path)) as port:
        environment = {"STATUS_URL": f"http://127.0.0.1:{port}", "STATUS_TOKEN": "t"}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        found = Site(folder=tmp_path, store=store, run=run, environment=environment)
        found.state("RUNNING")
        yield found
    store.close()


def test_it_tells_what_happened_with_what_the_program_wrote(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.log("\x1b[32mone\x1b[0m\n10 %\r99 %\namqp://user:secret@host\n")
    assert load("logs").main(["--job", "a.1"]) == 0
    lines = [line.split("  ", 1)[-1].strip() for line in capsys.readouterr().out.splitlines()]
    assert [line.split() for line in lines] == [
        ["producer", "it", "was", "submitted"],
        ["consumer", "run", "a.1", "begins", "on", "worker1"],
        ["program", "its", "output"],
        ["|", "one"],
        ["|", "99", "%"],
        ["|", "amqp://...@host"],
    ]


def test_its_json_has_the_last_lines_of_each_program(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.log("".join(f"{number}\n" for number in range(5000)))
    assert load("logs").main(["--job", "a.1", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["job"], answer["state"]) == ("a.1", "RUNNING")
    program = answer["story"][-1]
    assert program["lines"] == [str(number) for number in range(5000 - logs.JSON_LINES, 5000)]
    assert load("logs").main(["--job", "a.1", "--json", "--tail", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["story"][-1]["lines"] == ["4998", "4999"]


def test_following_shows_what_comes_and_ends_with_the_job(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "EVERY_SECONDS", 0.05)
    shown: list[str] = []

    def has(text: str) -> bool:
        shown.append(capsys.readouterr().out)
        return text in "".join(shown)

    site.log("one\n")
    following = threading.Thread(target=load("logs").run, args=(_options("--job", "a.1", "--follow"),))
    following.start()
    until(lambda: has("| one"), what="the first line")
    site.log("two\nthree", append=True)
    until(lambda: has("| two"), what="the second line")
    assert not has("| three")
    site.state("SUCCEEDED")
    following.join(SECONDS)
    assert has("| three") and "".join(shown).count("| one") == 1 and not following.is_alive()


def test_a_huge_log_is_shown_whole_in_little_memory(site: Site) -> None:
    site.log("a line of a program that has much to tell\n" * BIG_LINES)
    done = subprocess.run(
        [sys.executable, "-m", "runtime.logs", "--job", "a.1", "--tail", "3"],
        env={**site.environment, "PATH": "/usr/bin:/bin"},
        cwd=Path(__file__).parents[3],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (400_000_000, 400_000_000)),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert (done.returncode, done.stdout.count("| a line")) == (0, 3), done.stderr


def test_the_console_tells_the_same_story_with_the_last_lines_of_each_program(site: Site) -> None:
    site.log("<b>one</b>\n10 %\r99 %\n")
    with _browser(site).open(f"{site.url}/jobs/{EVENT}/a.1/story", timeout=SECONDS) as answer:
        page = answer.read().decode()
    assert "it was submitted" in page and "run a.1 begins on worker1" in page
    assert "&lt;b&gt;one&lt;/b&gt;\n99 %</pre>" in page
    with _browser(site).open(f"{site.url}/jobs/{EVENT}/a.1/logs/a.1/{LOG}", timeout=SECONDS) as answer:
        assert gzip.decompress(answer.read()) == b"<b>one</b>\n10 %\r99 %\n"
    with pytest.raises(urllib.error.HTTPError) as refusal:
        _browser(site).open(f"{site.url}/jobs/{EVENT}/a.1/logs/a.1/none.gz", timeout=SECONDS)
    assert refusal.value.code == 404


@pytest.mark.parametrize("path", ["logs/a.2/urn_test_Task.gz", "logs/a.1/other.gz", "logs/a.1/..%2f..%2fx"])
def test_what_is_no_log_of_the_job_is_not_known(site: Site, path: str) -> None:
    site.log("one\n")
    url = f"{site.environment['STATUS_URL']}/api/v1/jobs/{EVENT}/a.1/{path}"
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(
            urllib.request.Request(url, headers={"Authorization": "Bearer t"}), timeout=SECONDS
        )
    assert refusal.value.code == 404


def test_a_job_whose_record_is_gone_is_told_by_the_history(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.state("SUCCEEDED")
    assert Ledger(site.folder / "ledger", node="n", lease=30).set_aside(EVENT, "a.1", entry=1)
    assert load("logs").main(["--job", "a.1"]) == 0
    shown = capsys.readouterr().out
    assert "run 1 begins on n" in shown and "run 1 SUCCEEDED" in shown


def _browser(site: Site) -> urllib.request.OpenerDirector:
    """One that has logged in."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    form = urllib.parse.urlencode({"token": "t", "next": "/jobs"}).encode()
    login = urllib.request.Request(f"{site.url}/login", form, {"Origin": site.url})
    opener.open(login, timeout=SECONDS).close()
    return opener


def _options(*arguments: str) -> Namespace:
    return load("logs").parser("oodt logs").parse_args(arguments)
