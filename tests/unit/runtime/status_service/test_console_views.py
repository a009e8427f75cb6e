"""What the views show of a history, and what they make of anything that a message may say."""

import contextlib
import gzip
import html as html_module
import http.client
import io
import json
import re
import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast
from xml.sax.saxutils import quoteattr

import pytest

from runtime import names, workflow_copy
from runtime.messaging.alike import shared
from runtime.messaging.announcements import RESULT, Announcement, State, StateChange, Submission
from runtime.messaging.broker import Broker, BrokerDown
from runtime.outcome import Outcome, Product
from runtime.records.ledger import Ledger
from runtime.status_service import progress
from runtime.status_service.answers import Workflows
from runtime.status_service.console import advice, render, timeline
from runtime.status_service.disks import Disk, Disks, DisksNow
from runtime.status_service.lines import Rate, points, rates
from runtime.status_service.management import EventQueues, Management, ManagementDown, Snapshot
from runtime.status_service.numbers import Numbers
from runtime.status_service.store import Store
from runtime.status_service.swarm import SwarmWatch
from tests.unit.runtime.policy.flow import Flow
from tests.unit.runtime.status_api import LOOK_TOKEN, parts, served

ANSWER_SECONDS = 60
ACT_TOKEN = "acts"
CATALOGUE_FULL = (
    "task t: output a.txt was not ingested: The catalogue jdbc:sqlite:/var/lib/oodt/catalog/catalogue.sqlite "
    "failed: its disk is full"
)
REDRIVE_ALL = re.compile(r'id="act-Redrive-all-[^>]* data-body="(.*?)"')
BATCH_ROW = re.compile(r'<tr data-batch="(.*?)"(.*?)</tr>', re.DOTALL)
QUEUED = re.compile(r'data-state="QUEUED">(.*?)<')
ODD = "<script>alert(1)</script>\" onload='x' {{ 7 * 7 }}"


def change(job: str, state: State, **fields: Any) -> StateChange:
    told = {key: fields.pop(key) for key in ("reason", "log", "products") if key in fields}
    if result := RESULT.get(state):
        fields["outcome"] = Outcome(result=result, **told)
    defaults: dict[str, Any] = {
        **{"event": "e", "batch": "b", "run": 1, "attempts": 1, "node": "n1"},
        **{"queued": 100.0, "started": 110.0, "ended": 170.0 if state in RESULT else None},
    }
    return StateChange(**{"job": job, "state": state, **defaults, **fields})


class Site:
    """A service with a history; ``get`` is what a browser with a session sees."""

    def __init__(self, folder: Path, port: int) -> None:
        self.archive = folder / "archive"
        self._port = port

    def get(self, path: str, accept: str = "text/html", token: str = LOOK_TOKEN) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        headers = {"Authorization": f"Bearer {token}", "Accept": accept}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("status")
    archive = folder / "archive"
    (archive / "a").mkdir(parents=True)
    (archive / "a" / "product.txt").write_text("content")
    (folder / "secret").write_text("not a product")
    (archive / "link").symlink_to(folder / "secret")
    files = ("a/product.txt", "../secret", "link", "gone", "a")
    product = Product(id="1", name="p", type="T", archived=tuple(str(archive / file) for file in files))
    flow = Flow(folder)
    flow.change("policy/tasks.xml", 'name="Task"', f"name={quoteattr(ODD)}")
    with tarfile.open(fileobj=io.BytesIO(workflow_copy.archive([flow.folder], ["policy"]))) as policy:
        policy.extractall(folder, filter="data")
    store = Store(folder / "history.sqlite", keep=1000)
    store.apply(
        [
            Submission(batch="b", event="e", jobs=120, submitted=120),
            *(change(f"b.{n}", "SUCCEEDED", products=(product,)) for n in range(1, 101)),
            *(change(f"b.{n}", "DEAD", reason="exit 1", log="the cause", node="n2") for n in range(101, 111)),
            change("b.111", "RUNNING"),
            Submission(batch=ODD, event="e", jobs=1, submitted=1),
            change("odd", "DEAD", reason=ODD, log=ODD, node=ODD, batch=ODD),
        ]
    )
    with served(parts(store, ACT_TOKEN, folder)) as port:
        yield Site(folder, port)
    store.close()


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three jobs that are dead for one reason, and one that runs, on the share and in the history."""
    folder = tmp_path_factory.mktemp("grouped")
    ledger = Ledger(folder / "ledger", node="n1", lease=30)
    for job in ("a.1", "a.2", "a.3", "r.1"):
        metadata = {"Dataset": "abc", "Run": job[2:], "List": ["x", "y"]}
        ledger.claim("e", job, message={"metadata": metadata})
    log = folder / "jobs" / names.RUN_LOGS / "r.1" / "task.gz"
    log.parent.mkdir(parents=True)
    log.write_bytes(gzip.compress(b"half of it is done\n"))
    reason = "task t: metadata field Project is missing"
    store = Store(folder / "history.sqlite", keep=1000)
    store.apply([*(change(f"a.{n}", "DEAD", reason=reason) for n in range(1, 4)), change("r.1", "RUNNING")])
    with served(parts(store, ACT_TOKEN, folder)) as port:
        yield Site(folder, port)
    store.close()


class BrokerOfQueues:
    """The queues of some events, as their management tells them; without any it does not answer."""

    connected = True

    def __init__(self, *queues: EventQueues) -> None:
        self._queues = queues

    async def snapshot(self) -> Snapshot:
        if not self._queues:
            raise ManagementDown("it did not answer within 10 s")
        return Snapshot(queues=self._queues, nodes=())

    async def depth(self, queue: str) -> int | None:
        if not all(each.counted for each in self._queues):
            raise BrokerDown("no connection")
        depths = {each.event: each.queued for each in self._queues}
        return (depths | {names.dead_queue(each.event): each.dead for each in self._queues}).get(queue)


def queues(event: str, *, dead: int = 0, counted: bool = True) -> EventQueues:
    return EventQueues(event=event, queued=0, taken=0, retrying=0, dead=dead, counted=counted)


@contextlib.contextmanager
def console(folder: Path, history: Sequence[Announcement], told: Any) -> Iterator[Site]:
    """The console of a broker that has TOLD so much."""
    store = Store(folder / "history.sqlite", keep=1000)
    store.apply(history)
    numbers = Numbers(store, cast(Broker, told), cast(Management, told))
    with served(replace(parts(store, ACT_TOKEN, folder), numbers=numbers)) as port:
        yield Site(folder, port)
    store.close()


class Tags(HTMLParser):
    """The tags of a page, and the names of all attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.scripts: list[str | None] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/batches", "/jobs?state=DEAD", "/jobs/e/odd", "/dead", f"/jobs?job={'%22%3E'}"),
        *("/workflows", "/workflows/e", "/workflows/flow"),
    ],
)
def test_what_a_message_says_is_text_and_never_a_tag(site: Site, path: str) -> None:
    status, html = site.get(path)
    assert status == 200
    found = Tags(html)
    assert all(script and script.startswith("/static/") for script in found.scripts)
    assert not {name for name in found.attributes if name.startswith("on")}
    assert "style" not in found.attributes | found.tags
    assert "49" not in html or "{{ 7 * 7 }}" in html


def test_a_job_tells_its_reason_its_log_and_its_neighbours(site: Site) -> None:
    _, html = site.get("/jobs/e/b.102")
    for part in (
        "exit 1",
        "the cause",
        'href="/jobs/e/b.101"',
        'href="/jobs/e/b.103"',
        'href="/batches/e/b"',
    ):
        assert part in html


def test_a_workflow_has_a_view_with_its_tasks_settings_and_what_its_jobs_died_of(site: Site) -> None:
    status, html = site.get("/workflows/e")
    assert status == 200
    for part in ("No policy of this cluster has this event", "2 h", "exit 1", 'href="/jobs/e/b.110"'):
        assert part in html
    _, html = site.get("/workflows/flow")
    for part in (
        *("waits until", "StdPGETaskInstance", "/usr/local/oodt/workflows/flow/pge-configs/task.xml"),
        *("PCS_MetFileExtension", "it is not among the settings of the cluster", 'id="task-1-1"'),
    ):
        assert part in html
    assert 'href="/workflows/flow#task-1-1"' in site.get("/workflows")[1]
    assert site.get("/workflows/none")[0] == 404


def test_the_api_tells_workflows_as_the_views_do(site: Site) -> None:
    view = json.loads(site.get("/api/v1/workflows")[1])
    assert Workflows.model_validate(view).problems == []
    assert [each["event"] for each in view["events"]] == ["e", "flow"]
    [other, flow] = view["events"]
    assert (other["workflows"], other["settings"]["job_timeout"]) == ([], 7200)
    assert (flow["settings"], flow["workflows"][0]["tasks"][0]["required"]) == (None, ["Input"])
    assert json.loads(site.get("/api/v1/workflows/flow")[1]) == flow
    assert site.get("/api/v1/workflows/none")[0] == 404


def test_a_policy_that_cannot_be_read_is_told_and_mended_without_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.sqlite", keep=10)
    store.apply([change("b.1", "DEAD", reason="exit 1")])
    flow = Flow(tmp_path)
    flow.change("policy/events.xml", "</events>", "")
    with served(parts(store, "acts", tmp_path)) as port:
        site = Site(tmp_path, port)
        assert "cannot be read (No such file or directory)" in site.get("/workflows")[1]
        (tmp_path / "workflows").mkdir()
        (tmp_path / "workflows" / "policy").symlink_to(flow.path("policy"))
        for path in ("/workflows", "/workflows/e"):
            status, html = site.get(path)
            assert (status, "policy/events.xml, line 3: this is no XML" in html) == (200, True)
        flow.write("policy/events.xml", '<events><event name="e"><workflow id="w"/></event></events>')
        assert "StdPGETaskInstance" in site.get("/workflows/e")[1]
    store.close()


def test_a_group_of_dead_jobs_tells_what_to_do_and_what_their_metadata_have_in_common(
    grouped: Site,
) -> None:
    path = render.group_path("e", "task t: metadata field Project is missing")
    assert f'href="{path.replace("&", "&amp;")}"' in grouped.get("/")[1]
    status, html = grouped.get(path, token=ACT_TOKEN)
    assert (status, "3 dead jobs of e" in html, "Give it a value below" in html) == (200, True, True)
    fields = re.findall(r'<label>(\S+) <input name="\S+" value="(.*?)" data-was="(.*?)"(.*?)></label>', html)
    assert fields == [
        ("Project", "", "", ' placeholder="missing"'),
        ("Dataset", "abc", "abc", ""),
        ("Run", "", "", ' placeholder="differs: 3, 2, 1"'),
    ]
    body = html_module.unescape(re.search(r'<form class="edit".*?data-body="(.*?)"', html)[1])  # type: ignore[index]
    reason = "task t: metadata field Project is missing"
    assert json.loads(body) == {"event": "e", "batch": None, "same_reason": reason}


def test_a_group_of_which_no_job_is_dead_any_more_says_so(grouped: Site) -> None:
    status, html = grouped.get(render.group_path("e", "mended"))
    assert (status, "No job is dead for this reason now" in html) == (200, True)


def test_a_running_job_tells_what_its_programs_have_written_so_far(grouped: Site) -> None:
    _, html = grouped.get("/jobs/e/r.1")
    assert "run r.1 begins on n1" in html and "half of it is done" in html
    assert 'hx-trigger="live from:body, every 3s"' in html
    assert "every 3s" not in grouped.get("/jobs/e/a.1")[1]


def test_what_the_broker_has_not_told_is_no_zero(tmp_path: Path) -> None:
    with console(tmp_path, [], BrokerOfQueues()) as site:
        _, html = site.get("/")
        _, dead = site.get("/dead")
        _, of_event = site.get("/dead?event=e")
    assert "It is not known what waits in the dead queues: it did not answer within 10 s" in dead
    assert "It is not known what waits in the dead queue of e: it did not answer" in of_event
    assert "No message is in" not in dead + of_event
    assert "it did not answer within 10 s" in html
    assert [part.partition(">")[2][0] for part in html.split("data-total=")[1:]] == ["?"] * 3
    assert '<dt>succeeded a minute</dt><dd class="SUCCEEDED">?</dd>' in html


def test_a_dead_queue_that_is_not_counted_yet_is_no_empty_one(tmp_path: Path) -> None:
    with console(tmp_path, [], BrokerOfQueues(queues("e", counted=False))) as site:
        _, html = site.get("/dead")
    assert "? messages wait in the dead queue of e" in html


@pytest.mark.parametrize("messages", [1, 2])
def test_more_messages_than_dead_jobs_are_said_to_be_that(tmp_path: Path, messages: int) -> None:
    broker = BrokerOfQueues(queues("e", dead=messages))
    with console(tmp_path, [change("b.1", "DEAD", reason="exit 1")], broker) as site:
        _, html = site.get("/dead")
    assert ("There are more of them than dead jobs of e" in html) == (messages == 2)


def redrives(html: str) -> list[Any]:
    """What the buttons that redrive all would send."""
    return [json.loads(html_module.unescape(body)) for body in REDRIVE_ALL.findall(html)]


def test_dead_jobs_of_one_event_or_batch_are_brought_back_without_the_others(tmp_path: Path) -> None:
    dead = [change(f"b.{n}", "DEAD", reason="exit 1") for n in range(3)]
    others = [change("c.1", "DEAD", batch="c"), change("d.1", "DEAD", event="other", batch="b")]
    history = [*dead, *others, change("a.1", "SUCCEEDED", batch="a")]
    broker = BrokerOfQueues(queues("e", dead=4), queues("other", dead=1), queues("third"))
    with console(tmp_path, history, broker) as site:
        seen = {
            query: site.get(f"/dead{query}", token=ACT_TOKEN)[1]
            for query in ("", "?event=e", "?event=third", "?batch=b", "?event=e&batch=b", "?batch=a")
        }
    assert {query: redrives(html) for query, html in seen.items()} == {
        "": [{"event": "e", "all": True}, {"event": "other", "all": True}],
        "?event=e": [{"event": "e", "all": True}],
        "?event=third": [],
        "?batch=b": [{"event": "e", "batch": "b"}, {"event": "other", "batch": "b"}],
        "?event=e&batch=b": [{"event": "e", "batch": "b"}],
        "?batch=a": [],
    }
    assert "3 of its jobs of e are dead" in seen["?event=e&batch=b"]
    assert "<code>oodt redrive --event e --batch b</code>" in seen["?event=e&batch=b"]
    assert "No job of the batch is dead" in seen["?batch=a"]
    assert "No message is in the dead queue of third" in seen["?event=third"]


def test_how_many_jobs_failed_for_reasons_that_are_not_listed_is_said(tmp_path: Path) -> None:
    dead = [change(f"b.{n}", "DEAD", reason=f"exit {n}") for n in range(25)]
    again = [change(f"c.{n}", "RETRYING", reason=f"exit {n}", batch="c") for n in range(9)]
    with console(tmp_path, [*dead, *again], BrokerOfQueues(queues("e"))) as site:
        _, html = site.get("/")
        assert "and 17 jobs of other reasons" in html and "and 1 job of another reason" in html
        for path in ("/batches/e/b", "/workflows/e"):
            assert "and 5 jobs of other reasons" in site.get(path)[1]
        assert "of other reasons" not in site.get("/dead")[1]


def test_a_submission_that_was_killed_waits_for_nothing_in_rows_and_totals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SILENT_SECONDS", 0)
    history: list[Announcement] = [
        Submission(batch="b", event="e", jobs=5),
        *(change(f"b.{n}", "SUCCEEDED") for n in (1, 2, 3)),
        Submission(batch="c", event="e", jobs=500, submitted=1),
        change("c.1", "SUCCEEDED", batch="c"),
    ]
    with console(tmp_path, history, BrokerOfQueues(queues("e"))) as site:
        for path in ("/", "/batches"):
            rows = dict(BATCH_ROW.findall(site.get(path)[1]))
            assert {batch: QUEUED.findall(row) for batch, row in rows.items() if batch} == {
                "b": ["0"],
                "c": ["0"],
            }
            assert '<td class="t">interrupted: 3 of 5 were submitted</td>' in rows["b"]
            assert '<td class="t">done</td>' in rows["c"]
        assert '<dd data-total="QUEUED">0</dd>' in site.get("/")[1]
        _, html = site.get("/batches/e/b")
        assert "Its submission was interrupted: 3 of 5 were submitted." in html
        assert '<dd class="" data-state="QUEUED">0</dd>' in html
        assert '<dt>time left</dt><dd class="span">done</dd>' in site.get("/batches/e/c")[1]
        for path in ("overview", "batches"):
            told = json.loads(site.get(f"/api/v1/{path}")[1])["batches"]
            assert {each["batch"]: each["note"] for each in told} == {
                "b": "interrupted: 3 of 5 were submitted",
                "c": "done",
            }


def test_a_job_that_has_not_begun_has_a_view(site: Site) -> None:
    status, html = site.get("/jobs/e/b.120")
    assert (status, "queued" in html) == (200, True)


def test_jobs_come_page_by_page_without_a_gap_or_a_job_twice(site: Site) -> None:
    seen: list[str] = []
    path: str | None = "/jobs?event=e&batch=b"
    while path:
        _, html = site.get(path.replace("&amp;", "&"))
        seen += [part.partition('"')[0] for part in html.split('href="/jobs/e/')[1:]]
        path = html.split('rel="next" href="')[1].partition('"')[0] if 'rel="next"' in html else None
    assert seen == [f"b.{n}" for n in range(111, 0, -1)]


@pytest.mark.parametrize(
    ("query", "jobs"),
    [
        ("node=n2", 10),
        ("state=DEAD&reason=exit+1", 10),
        ("state=RUNNING", 1),
        ("job=b.7", 1),
        ("ended_from=1970-01-01T00:02&ended_to=1970-01-01T00:03&node=n2", 10),
        ("ended_from=1970-01-01T00:03", 0),
        ("event=other", 0),
    ],
)
def test_filters_leave_the_jobs_that_match(site: Site, query: str, jobs: int) -> None:
    assert site.get(f"/jobs?{query}")[1].count('scope="row"') == jobs


@pytest.mark.parametrize("file", [1, 2, 3, 4, 5])
def test_only_files_of_the_archive_are_handed_out(site: Site, file: int) -> None:
    status, text = site.get(f"/jobs/e/b.1/files/0/{file}")
    assert (status, "not a product" in text) == (404, False)


def test_a_product_is_handed_out(site: Site) -> None:
    assert site.get("/jobs/e/b.1/files/0/0") == (200, "content")


def test_what_is_not_there_is_a_page_for_browsers_and_json_for_others(site: Site) -> None:
    assert site.get("/jobs/e/none")[0] == site.get("/nothing")[0] == 404
    assert "no job none of event e is known" in site.get("/jobs/e/none")[1]
    status, text = site.get("/jobs/e/none", accept="*/*")
    assert (status, json.loads(text)) == (404, {"error": "no job none of event e is known"})
    assert json.loads(site.get("/api/v1/nothing")[1]) == {"error": "Not Found"}
    assert "use a time like" in site.get("/jobs?ended_from=yesterday")[1]


def test_two_runs_at_once_are_on_two_slots_and_one_after_the_other_on_one() -> None:
    runs = [
        {"job": "1", "run": 1, "state": "SUCCEEDED", "node": "n", "started": 0.0, "ended": 10.0},
        {"job": "2", "run": 1, "state": "SUCCEEDED", "node": "n", "started": 5.0, "ended": 20.0},
        {"job": "3", "run": 1, "state": "FAILED", "node": "n", "started": 10.0, "ended": 20.0},
        {"job": "4", "run": 1, "state": "SUCCEEDED", "node": "m", "started": 0.0, "ended": 20.0},
    ]
    lanes = timeline.lanes(runs)
    assert [(lane.node, [bar.job for bar in lane.bars]) for lane in lanes] == [
        ("m", ["4"]),
        ("n", ["1", "3"]),
        ("n", ["2"]),
    ]
    assert [(bar.x, bar.width) for bar in lanes[1].bars] == [(0.0, 500.0), (500.0, 500.0)]


def test_time_left_is_what_waits_at_the_rate_of_late(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.sqlite", keep=1000)
    store.sample(int(time.time()) - 100, {"e": (50, 4)})
    store.apply([change(f"b.{n}", "SUCCEEDED") for n in range(20)])
    rate = rates(store)["e"]
    assert rate.ended == pytest.approx(0.2, rel=0.05)
    assert rate.seconds_for(40) == pytest.approx(200, rel=0.05)
    assert Rate(succeeded=0, dead=0).seconds_for(40) is None
    store.close()


def test_lines_have_what_grew_in_the_minute_before_each_point(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.sqlite", keep=1000)
    now = int(time.time())
    store.sample(now - 60, {"e": (9, 1), "other": (1, 0)})
    store.apply([change(f"b.{n}", "SUCCEEDED") for n in range(6)])
    store.sample(now, {"e": (3, 1), "other": (1, 0)})
    lines = points(store, None, 3600)
    assert (lines["queued"], lines["running"], lines["succeeded"]) == ([10, 4], [1, 1], [None, 6])
    assert points(store, "other", 3600)["queued"] == [1, 1]
    store.close()


@pytest.mark.parametrize(("free", "red"), [(9, True), (11, False)])
def test_the_swarm_shows_the_disks_that_an_alarm_is_about_and_is_red_where_it_alarms(
    tmp_path: Path, free: int, red: bool
) -> None:
    machine = {"disk": 100, "disk_free": free, "memory": 8, "memory_free": 2, "load": 0.5, "clock_offset": 0}
    node = {"name": "n1", "state": "ready", "availability": "active", "role": "worker", "leader": False}
    node |= {"containers": [], "machine": {**machine, "share": 100, "share_free": free}}
    view = {"fresh": True, "at": 1.0, "nodes": [node], "services": [], "certificates": [], "secrets": []}

    class Swarm:
        def view(self) -> dict[str, Any]:
            return view

    class Looked:
        async def look(self) -> DisksNow:
            return DisksNow(told=[Disk(place="share", size=100, free=free)], silent=["catalogue"])

    store = Store(tmp_path / "history.sqlite", keep=1000)
    made = replace(
        parts(store, "acts", tmp_path), swarm=cast(SwarmWatch, Swarm()), disks=cast(Disks, Looked())
    )
    with served(made) as port:
        status, html = Site(tmp_path, port).get("/swarm")
    store.close()
    assert status == 200
    row = re.search(r'<tr><th scope="row">share</th>(.*?)</tr>', html)
    assert row and f"{free} B</td>" in row[1] and "100 B</td>" in row[1]
    assert ("DEAD" in row[1]) is red
    assert re.search(r'<tr><th scope="row">catalogue</th><td[^>]*>does not answer</td></tr>', html)
    assert html.count(f'DEAD">{free} B of 100 B') == 2 * red


@pytest.mark.parametrize("reason", [CATALOGUE_FULL, shared(CATALOGUE_FULL, "b.1")])
def test_a_full_catalogue_is_not_mended_on_the_share(reason: str) -> None:
    assert "docker system df" in advice.on(reason)
    assert "oodt clean" not in advice.on(reason)
    assert "oodt clean jobs logs" in advice.on("disk is full: the archive")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.25, "0.2 s"), (5, "5 s"), (61, "1 min 1 s"), (7200, "2 h"), (90061, "1 d 1 h")],
)
def test_durations_have_two_units_at_most(seconds: float | None, text: str) -> None:
    assert render.span(seconds) == text
