"""Alarms begin, end and reach a real receiver once each, whatever restarts or is away meanwhile."""

import asyncio
import contextlib
import errno
import http.server
import json
import logging
import re
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.messaging.announcements import StateChange
from runtime.messaging.broker import Broker
from runtime.messaging.facts import Certificate, Secret
from runtime.records.pauses import Pauses
from runtime.status_service import alarms, question, watch
from runtime.status_service.alarms import Alarms
from runtime.status_service.changes import Changes
from runtime.status_service.conditions import (
    CONDITIONS,
    DISK_FULL,
    JOBS_DIE,
    LEAST_FREE,
    NO_CONSUMER,
    Facts,
    Holding,
)
from runtime.status_service.disks import Disk, Disks, DisksNow
from runtime.status_service.management import EventQueues, Snapshot, Supply
from runtime.status_service.moment import Moment
from runtime.status_service.numbers import Now, Numbers
from runtime.status_service.paused import PausedEvents
from runtime.status_service.store import Store
from runtime.status_service.swarm import Aging, NodeNow, SwarmWatch
from runtime.status_service.watch import Watch
from testing.waiting import until
from tests.unit.runtime.status_api import parts, served

ROOT = Path(__file__).parents[4]
RULES = {
    rule["alert"]: rule
    for group in yaml.safe_load((ROOT / "images/prometheus/alarms.yml").read_text())["groups"]
    for rule in group["rules"]
}
SECONDS = {"m": 60, "h": 3600}
SOUND = DisksNow(told=[Disk(place="share", size=2, free=1)])


@dataclass(kw_only=True)
class Receiver:
    """What came to a webhook. ``answers`` are the status codes of the next answers.

    0 is none at all; 202 is slow to say that it has the message.
    """

    url: str
    came: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def told(self) -> list[tuple[str, str]]:
        return [(each["status"], each["alerts"][0]["labels"].get("event", "")) for each in self.came]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            code = found.answers.pop(0) if found.answers else 200
            if code == 0:
                time.sleep(10)
                return
            if code in {200, 202}:
                found.came.append(body)
            if code == 202:
                time.sleep(0.15)
            self.send_response(code)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Receiver(url=f"http://127.0.0.1:{server.server_port}/s3cret")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


class NothingInBroker:
    async def now(self) -> Now:
        moment = Moment(at=0.0, batches=[], states={}, waiting={}, running={}, changed={})
        return Now(at=0.0, snapshot=Snapshot(queues=(), nodes=()), problem=None, moment=moment)


@contextlib.contextmanager
def watching(folder: Path, url: str) -> Iterator[Store]:
    """A status service's watch, and its history."""
    store = Store(folder / "history.sqlite", keep=100)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def run() -> None:
        async with aiohttp.ClientSession() as client:
            made = Watch(
                Alarms(folder / "alarms.json"),
                client=client,
                webhook=url,
                numbers=cast(Numbers, NothingInBroker()),
                store=store,
                disks=Disks({"share": folder}),
                swarm=SwarmWatch(cast(Broker, None), cast(Changes, None)),
                paused=PausedEvents(Pauses(folder)),
            )
            await made.run()

    tasks: list[asyncio.Task[None]] = []

    async def begin() -> None:
        tasks.append(asyncio.create_task(run()))

    async def end() -> None:
        tasks[0].cancel()
        await asyncio.wait(tasks)

    asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    try:
        yield store
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
        store.close()


def dies(store: Store, job: str, event: str = "e") -> None:
    change = StateChange(job=job, event=event, state="DEAD", run=1, attempts=1, node="n", ended=time.time())
    store.apply([change])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "EVERY_SECONDS", 0.05)
    monkeypatch.setattr(watch, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(watch, "ANSWER_SECONDS", 3)


def test_the_receiver_is_told_when_an_alarm_begins_and_when_it_ends(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarms, "ENDS_SECONDS", 0.1)
    with watching(tmp_path, receiver.url) as store:
        dies(store, "a.1")
        until(lambda: receiver.came, what="the first message")
        monkeypatch.setattr(watch, "DEATHS_SECONDS", 0)
        until(lambda: len(receiver.came) == 2, what="both messages")
    first, last = receiver.came
    assert receiver.told() == [("firing", "e"), ("resolved", "e")]
    assert first["alerts"][0]["labels"] == {"alertname": "OodtJobsDie", "severity": "warning", "event": "e"}
    assert first["text"].startswith("Alarm: Jobs of e died") and last["text"].startswith("Over: ")
    assert first["alerts"][0]["fingerprint"] == last["alerts"][0]["fingerprint"]
    assert first["id"] != last["id"]


def test_a_restart_neither_repeats_nor_forgets(tmp_path: Path, receiver: Receiver) -> None:
    with watching(tmp_path, receiver.url) as store:
        dies(store, "a.1")
        until(lambda: len(receiver.came) == 1, what="the first message")
    receiver.answers = [503] * 1000
    with watching(tmp_path, receiver.url) as store:
        dies(store, "b.1", event="other")
        until(lambda: len(receiver.answers) < 998, what="refused messages")
    receiver.answers = []
    with watching(tmp_path, receiver.url):
        until(lambda: len(receiver.came) == 2, what="the second message")
        dies(store := Store(tmp_path / "history.sqlite", keep=100), "c.1", event="third")
        until(lambda: len(receiver.came) == 3, what="the third message")
        store.close()
    assert receiver.told() == [("firing", "e"), ("firing", "other"), ("firing", "third")]


def test_a_message_that_is_on_its_way_at_a_restart_comes_once(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers = [202]
    with watching(tmp_path, receiver.url) as store:
        dies(store, "a.1")
        until(lambda: receiver.came, what="the message, which is not acknowledged yet")
    assert Alarms(tmp_path / "alarms.json").next() is None


def test_a_receiver_that_fails_hangs_or_is_away_gets_the_message_later_and_no_log_has_its_address(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [500, 0, 302, 404]
    with caplog.at_level(logging.DEBUG), watching(tmp_path, receiver.url) as store:
        dies(store, "a.1")
        until(lambda: len(receiver.came) == 1, what="the message")
    assert receiver.told() == [("firing", "e")]
    assert "HTTP status 500" in caplog.text and "TimeoutError" in caplog.text
    assert "s3cret" not in caplog.text


def test_without_a_webhook_nothing_is_kept_to_be_sent(tmp_path: Path) -> None:
    with watching(tmp_path, "") as store:
        dies(store, "a.1")
        until((tmp_path / "alarms.json").exists, what="an alarm")
    kept = Alarms(tmp_path / "alarms.json")
    assert kept.next() is None and [each["name"] for each in kept.open] == ["OodtJobsDie"]


def test_a_share_that_does_not_answer_holds_no_alarm_back(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answers = threading.Event(), threading.Event()

    def hangs(_: Pauses) -> set[str]:
        asked.set()
        answers.wait(60)
        return set()

    monkeypatch.setattr(Pauses, "names", hangs)
    monkeypatch.setattr(question, "ANSWER_SECONDS", 0.2)
    try:
        with watching(tmp_path, receiver.url) as store:
            assert asked.wait(10)
            dies(store, "a.1")
            until(lambda: receiver.came, what="the message")
    finally:
        answers.set()


def test_a_share_that_answers_with_an_error_holds_no_alarm_back(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: Pauses) -> set[str]:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Pauses, "names", fails)
    with caplog.at_level(logging.WARNING), watching(tmp_path, receiver.url) as store:
        dies(store, "a.1")
        until(lambda: receiver.came, what="the message")
    assert caplog.text.count("does not tell which events are paused") == 1


def never(*_: object) -> bool:
    return False


def no_consumer(event: str = "e") -> Holding:
    return Holding(condition=NO_CONSUMER, labels={"event": event})


def test_an_alarm_begins_when_its_condition_has_held_and_ends_when_it_has_not(tmp_path: Path) -> None:
    found = Alarms(tmp_path / "alarms.json")
    begun = []
    for at, holds in (
        (0, True),
        (60, False),
        (100, True),
        (219, True),
        (220, True),
        (240, False),
        (281, False),
    ):
        found.update([no_consumer()] if holds else [], at=at, unknown=never, tell=True)
        begun.append(len(found.open))
    assert begun == [0, 0, 0, 0, 1, 1, 0]


def test_what_holds_is_seen_at_once_and_is_an_alarm_later(tmp_path: Path) -> None:
    found = Alarms(tmp_path / "alarms.json")
    found.update([no_consumer()], at=100, unknown=never, tell=True)
    assert (found.open, found.next()) == ([], None)
    assert [(each["labels"], each["began"]) for each in found.now] == [({"event": "e"}, 100)]
    found.update([no_consumer()], at=220, unknown=never, tell=True)
    assert found.now == found.open and len(found.open) == 1
    assert found.open[0]["began"] == 100, "what is wrong has not begun later because it is an alarm now"
    found.update([no_consumer("other")], at=400, unknown=never, tell=True)
    assert [each["labels"]["event"] for each in found.now] == ["other"]


def test_the_worst_comes_first_of_what_is_wrong(tmp_path: Path) -> None:
    found = Alarms(tmp_path / "alarms.json")
    died = Holding(condition=JOBS_DIE, labels={"event": "e"})
    found.update([died], at=100, unknown=never, tell=True)
    found.update([died, no_consumer()], at=200, unknown=never, tell=True)
    assert [each["name"] for each in found.now] == [NO_CONSUMER.name, JOBS_DIE.name]


def test_what_cannot_be_judged_neither_begins_nor_ends(tmp_path: Path) -> None:
    found = Alarms(tmp_path / "alarms.json")
    for at in (0, 200):
        found.update([no_consumer()], at=at, unknown=never, tell=False)
    found.update([], at=9999, unknown=lambda name, _: name == "OodtNoConsumer", tell=False)
    assert len(found.open) == 1
    found.update([], at=9999, unknown=never, tell=False)
    assert found.open == []


@settings(max_examples=30)  # each step waits for the disk
@given(st.lists(st.tuples(st.integers(1, 100), st.sets(st.sampled_from("abc")), st.booleans()), max_size=40))
def test_messages_are_begin_and_end_in_turn_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, set[str], bool]]
) -> None:
    file = tmp_path_factory.mktemp("alarms") / "alarms.json"
    found, at = Alarms(file), 0
    told: dict[str, list[str]] = {}
    for seconds, events, restart in steps:
        at += seconds
        found.update(map(no_consumer, sorted(events)), at=at, unknown=never, tell=True)
        while message := found.next():
            told.setdefault(message["commonLabels"]["event"], []).append(message["status"])
            found.delivered(message)
        if restart:
            found = Alarms(file)
    for statuses in told.values():
        assert statuses == ["firing", "resolved"] * (len(statuses) // 2) + ["firing"] * (len(statuses) % 2)


def test_a_file_that_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "alarms.json").write_text('{"open": [{"later": 1}]}')
    assert Alarms(tmp_path / "alarms.json").open == []


def queue(event: str, *, queued: int, consumers: int) -> EventQueues:
    return EventQueues(
        event=event, queued=queued, taken=0, retrying=0, dead=0, counted=True, consumers=consumers
    )


def test_conditions_are_found_in_the_numbers() -> None:
    queues = (
        queue("a", queued=3, consumers=0),
        queue("b", queued=0, consumers=0),
        queue("c", queued=1, consumers=1),
        queue("paused", queued=1, consumers=0),
    )
    told = [Disk(place="share", size=100, free=9), Disk(place="history", size=100, free=50)]
    disks = DisksNow(told=told, silent=["catalogue"])
    nodes = [
        NodeNow(name="worker1", up=False, machine=None, offset=None),
        NodeNow(name="worker2", up=True, machine=None, offset=None),
    ]
    supplies = (
        Supply(resource="memory", short=False, now=1, limit=2),
        Supply(resource="disk", short=True, now=1, limit=2),
    )
    snapshot = Snapshot(queues=queues, nodes=(), supplies=supplies)
    deaths = {"a": 2, "b": 0}
    facts = Facts(snapshot=snapshot, deaths=deaths, disks=disks, nodes=nodes, paused={"paused"})
    found = facts.holding()
    assert [(each.condition.name, dict(each.labels)) for each in found] == [
        ("OodtBrokerShort", {"resource": "disk"}),
        ("OodtNoConsumer", {"event": "a"}),
        ("OodtJobsDie", {"event": "a"}),
        ("OodtNodeDown", {"node": "worker1"}),
        ("OodtCatalogueUnknown", {}),
        ("OodtDiskFull", {"place": "share"}),
    ]
    assert found[5].summary == "The disk of the share has 9% left"


def test_nobody_is_told_of_jobs_that_wait_while_it_is_not_known_whether_they_are_paused() -> None:
    snapshot = Snapshot(queues=(queue("a", queued=3, consumers=0),), nodes=())
    facts = Facts(snapshot=snapshot, deaths={}, disks=SOUND, nodes=[], paused=None)
    assert facts.holding() == []
    assert facts.leave_open(NO_CONSUMER.name, {"event": "a"})
    assert not replace(facts, paused=set()).leave_open(NO_CONSUMER.name, {"event": "a"})


def test_what_is_not_known_is_left_as_it_is() -> None:
    nothing = Facts(snapshot=None, deaths={}, disks=DisksNow(silent=["share"]), nodes=None)
    assert [each.condition.name for each in nothing.holding()] == ["OodtBrokerDown", "OodtDiskUnknown"]
    left = [each.name for each in CONDITIONS if nothing.leave_open(each.name, {})]
    of_swarm = ["OodtNodeDown", "OodtCertificateEnds", "OodtPasswordOld", "OodtSecretOld"]
    assert left == ["OodtBrokerShort", "OodtNoConsumer", *of_swarm]


def test_a_full_disk_is_not_over_while_nobody_tells_how_full_it_is(tmp_path: Path) -> None:
    found = Alarms(tmp_path / "alarms.json")

    def looks(at: float, **free: int) -> list[str]:
        """The alarms that go on after a look. Places of which nothing is said are silent."""
        places = ("share", "catalogue")
        told = [Disk(place=place, size=100, free=free[place]) for place in places if place in free]
        disks = DisksNow(told=told, silent=[place for place in places if place not in free])
        facts = Facts(snapshot=Snapshot(queues=(), nodes=()), deaths={}, disks=disks, nodes=[])
        found.update(facts.holding(), at=at, unknown=facts.leave_open, tell=True)
        return [f"{each['name']} {each['labels'].get('place', '')}".strip() for each in found.open]

    full = ["OodtDiskFull catalogue", "OodtDiskFull share"]
    looks(0, share=1, catalogue=0)
    assert sorted(looks(300, share=1, catalogue=0)) == full
    assert sorted(looks(400, share=1)) == full
    # The share has room again. That of the catalogue is not known.
    assert looks(1000, share=50) == ["OodtDiskFull catalogue", "OodtCatalogueUnknown"]
    assert looks(1061, share=50, catalogue=50) == []
    told = []
    while message := found.next():
        told.append(message["text"].partition("\n")[0])
        found.delivered(message)
    assert [text for text in told if text.startswith("Over")] == [
        "Over: The disk of the share has 1% left",
        "Over: The disk of the catalogue has 0% left",
        "Over: The File Manager does not answer",
    ]


DAY = 86400.0


@pytest.mark.parametrize(
    ("begins", "ends", "alarms"),
    [
        (0, 90, {77: 0, 82: 1, 95: 1}),  # of a node: docker has renewed it when 72 days are over
        (0, 7300, {6600: 0, 7289: 0, 7291: 1}),
        (0, 1 / 24, {0.9 / 24: 0, 0.95 / 24: 1}),
    ],
)
def test_a_certificate_alarms_when_docker_should_have_renewed_it(
    begins: float, ends: float, alarms: dict[float, int]
) -> None:
    certificate = Certificate(name="manager a", begins=begins * DAY, ends=ends * DAY)
    for day, count in alarms.items():
        found = aged(day, certificates=(certificate,))
        assert [each.condition.name for each in found] == ["OodtCertificateEnds"] * count, day


def test_a_secret_that_is_a_year_old_alarms_with_the_line_that_renews_it() -> None:
    secrets = (
        Secret(name="status-token", generated=True, made=0.0),
        Secret(name="flow/KEY", generated=False, made=0.0),
        Secret(name="rabbitmq-user", generated=True, made=10 * DAY),
    )
    assert aged(364, secrets=secrets) == []
    password, secret = aged(366, secrets=secrets)
    assert password.summary == "Password status-token is 366 days old"
    assert "pulumi up --replace '**Password::status-token'" in password.description
    assert secret.summary == "Secret flow/KEY is 366 days old"


def aged(
    day: float, *, certificates: tuple[Certificate, ...] = (), secrets: tuple[Secret, ...] = ()
) -> list[Holding]:
    """What holds on this day."""
    aging = Aging(certificates=certificates, secrets=secrets)
    snapshot = Snapshot(queues=(), nodes=())
    facts = Facts(snapshot=snapshot, deaths={}, disks=SOUND, nodes=[], aging=aging, at=day * DAY)
    return facts.holding()


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_they_say_what_prometheus_says(condition: Any) -> None:
    rule = RULES[condition.name]
    wait = str(rule.get("for", "0m"))
    assert int(wait[:-1]) * SECONDS[wait[-1]] == condition.holds
    assert rule["labels"]["severity"] == condition.severity
    texts = (rule["annotations"]["summary"], rule["annotations"]["description"])
    for written, ours in zip(texts, (condition.summary, condition.description), strict=True):
        filled = re.sub(r"{{ \$labels\.(\w+) }}", r"{\1}", written)
        assert re.sub(r"{{ \$value \| \w+ }}", "{value}", filled) == re.sub(r"{(left|age)}", "{value}", ours)


def test_the_least_that_a_disk_must_have_is_the_same_for_prometheus() -> None:
    assert RULES[DISK_FULL.name]["expr"].endswith(f"< {LEAST_FREE:g}")
    assert RULES["OodtNodeDiskFull"]["expr"].endswith(f"< {LEAST_FREE:g}")


def test_the_console_begins_with_the_alarms_that_go_on(tmp_path: Path) -> None:
    service = parts(Store(tmp_path / "history.sqlite", keep=10), "t", tmp_path)
    for at in (1000, 2000):
        service.alarms.update([no_consumer("<e>")], at=at, unknown=never, tell=False)
    with served(service) as port:
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        url = f"http://127.0.0.1:{port}"
        form = urllib.parse.urlencode({"token": "t", "next": "/"}).encode()
        login = urllib.request.Request(f"{url}/login", form, {"Origin": url})
        page = opener.open(login, timeout=10).read().decode()
        answer, overview = (
            json.load(
                urllib.request.urlopen(
                    urllib.request.Request(f"{url}/api/v1/{path}", headers={"Authorization": "Bearer t"}),
                    timeout=10,
                )
            )
            for path in ("alarms", "overview")
        )
    service.store.close()
    assert "Jobs of &lt;e&gt; wait, and no Workflow Manager takes them" in page
    assert [each["name"] for each in answer["alarms"]] == ["OodtNoConsumer"]
    assert overview["alarms"] == answer["alarms"]
