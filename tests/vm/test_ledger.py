"""The ledger on NFS, from two machines whose clocks differ by minutes: races, leases, caches."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from infra.hosts import checks
from infra.hosts.facts import Share, parse
from infra.hosts.inspection import LOOK_TIMEOUT, PROBE
from infra.hosts.session import Session
from infra.ssh import CONFIGURATION, Identity
from testing.waiting import until
from tests.vm import referee
from tests.vm.conftest import Timed
from tests.vm.hosts import WITHOUT_DOCKER
from tests.vm.referee import Contestant, contest, each, together
from tests.vm.room import COMMAND_TIMEOUT, PATIENCE, Machine, room
from toolchain.machine_disk import Disk
from toolchain.paths import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

SHARE = "/srv/share"
MOUNTED = "/mnt/share"
VERSIONS = ("4.2", "4.1", "3", "4.0")
OPTIONS = ("", "actimeo=60", "nocto", "nocto,actimeo=60")
CLOCKS = {"one": "-4 minutes", "two": "+7 minutes"}

PROCESSES = 2  # on each machine
JOBS = 60
LOOKS = 20
USUAL = (("4.2", ""), ("4.1", ""))  # what hosts have if nobody asks for another mount
PART = 3  # of the work on other mounts: one of three jobs and looks, to have all mounts within an hour
HELD = 8
LEASE = 6.0  # seconds
RENEWED_EVERY = 2.0


@dataclass(kw_only=True)
class Tally:
    """What was seen on a mount; `faults` by what must not be."""

    begun: float = field(default_factory=time.monotonic)
    claims: int = 0
    collisions: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def must_not(self, what: str, happened: bool) -> None:
        self.faults[what] += happened

    def line(self) -> str:
        found = ", ".join(f"{number} x {what}" for what, number in self.faults.items() if number)
        return (
            f"{self.claims} claims, {self.collisions} collisions, {found or 'no fault'}, "
            f"{time.monotonic() - self.begun:.0f} s"
        )


@pytest.fixture(scope="module")
def machines(disk: Disk) -> Iterator[list[Machine]]:
    """A file server, and two machines that are no part of it; their clocks differ."""
    with room(disk) as made, pytest.MonkeyPatch.context() as patch:
        patch.setenv(CONFIGURATION, str(made.configuration))
        found = [made.add(name, without=WITHOUT_DOCKER, memory=512) for name in ("server", *CLOCKS)]
        print(f"\nthree machines answer after {made.wait():.0f} s")
        server, *others = found
        server.run(
            f"mkdir {SHARE} && echo '{SHARE} *(rw,sync,no_subtree_check,no_root_squash)' >/etc/exports"
            " && systemctl start nfs-server"
        )
        for machine in others:
            machine.run(f"date -s '{CLOCKS[machine.name]}' && mkdir {MOUNTED}")
            referee.install(machine, REPOSITORY)
        yield found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options or "default")
def test_the_ledger_is_safe_on_each_mount_that_the_check_of_hosts_accepts_and_on_no_other(
    machines: list[Machine], version: str, options: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server, *others = machines
    name = f"{version}-{options or 'default'}".replace(",", "-")
    tally = Tally()
    mount = ",".join(filter(None, [f"vers={version}", options]))
    refused: list[str] = []
    for machine in others:
        machine.run(f"mount -t nfs -o {mount} {server.address}:{SHARE} {MOUNTED}")
    try:
        refused = [words for machine in others for words in what_the_check_says(machine)]
        with contest(others, f"{MOUNTED}/{name}", processes=PROCESSES, lease=LEASE) as teams:
            part = 1 if (version, options) in USUAL else PART
            races(teams, tally, JOBS // part)
            stale_looks(teams, tally, LOOKS // part)
            cancelled_batches(teams, tally, LOOKS // part)
            leases(teams, tally)
        leftovers = server.run(f"find {SHARE}/{name} -name '.?*' -type f -not -path '*/.cancelled/*'").split()
        tally.must_not("a draft left over", bool(leftovers))
        histories = server.run(f"cd {SHARE}/{name}/event && for job in race-*; do ls -x -w 0 $job; done")
        for history in histories.splitlines():
            tally.must_not("a history with gaps", history.split() != [f"{n:04}.json" for n in range(1, 5)])
    finally:
        for machine in others:
            machine.run(f"umount {MOUNTED}")
        with capsys.disabled():
            verdict = "refused by the check" if refused else "accepted"
            print(
                f"\nledger on NFS {version} {options or 'with default options'} ({verdict}): {tally.line()}"
            )
    assert bool(refused) == any(tally.faults.values()), f"{refused}: {tally.line()}"


def test_a_soft_mount_loses_what_a_program_wrote_without_its_knowing_and_is_refused(
    machines: list[Machine], timed: Timed
) -> None:
    """Its output goes to a file, as a shell has it, and the file server is away when that is closed."""
    server, machine, _ = machines
    server.run("systemctl enable nfs-server")  # for its next boot
    machine.run(f"mount -t nfs -o vers=4.2,soft,timeo=20,retrans=1 {server.address}:{SHARE} {MOUNTED}")
    try:
        assert any("soft" in words for words in what_the_check_says(machine))
        program = (
            f"rm -f /begin; (echo begun; until [ -e /begin ]; do sleep 1; done; echo done) >{MOUNTED}/soft"
        )
        machine.run(f"systemd-run --unit program --property RemainAfterExit=yes sh -c '{program}'")
        until(
            lambda: server.run(f"ls {SHARE}/soft", check=False),
            seconds=COMMAND_TIMEOUT * PATIENCE,
            what="a program's file",
        )
        server.cut_power()
        machine.run("touch /begin")
        ended = ("SubState=exited", "SubState=failed")
        with timed("a program that writes to a soft mount whose server is away"):
            until(
                lambda: machine.run("systemctl show --property SubState program").strip() in ended,
                seconds=COMMAND_TIMEOUT * PATIENCE,
                what="the end of a program",
            )
        assert "ExecMainStatus=0" in machine.run("systemctl show --property ExecMainStatus program")
    finally:
        server.start()
        server.wait()
        machine.run(f"umount {MOUNTED}")
    assert "done" not in server.run(f"cat {SHARE}/soft")


def what_the_check_says(machine: Machine) -> list[str]:
    """What the check of hosts finds wrong with the mount on this machine."""
    question = {"do": "look", "share": MOUNTED, "mark": ".oodt-check", "folders": []}
    with Session(Identity(folder=""), f"ssh://root@{machine.address}", PROBE) as session:
        greeting = session.ask({"do": "greet"}, LOOK_TIMEOUT)
        facts = parse(machine.url, greeting, session.ask(question, LOOK_TIMEOUT), time.time())
    assert isinstance(facts.share, Share)
    return [problem.what for problem in checks.mount_problems(facts.share, MOUNTED)]


def races(teams: Sequence[Sequence[Contestant]], tally: Tally, jobs: int) -> None:
    """All claim a job at once, twice; then its worker settles it while all others cancel it: `ends`."""
    all_of_them = [contestant for team in teams for contestant in team]
    for number in range(jobs):
        job = f"race-{number}"
        for _ in range(2):
            answers = together(all_of_them, do="claim", job=job)
            tally.claims += len(answers)
            tally.collisions += sum(answer.get("collided", False) for answer in answers)
            winners = [one for one, answer in zip(all_of_them, answers, strict=True) if "run" in answer]
            if len(winners) != 1:
                tally.faults["a run that two have, or none"] += 1
                break
            (winner,) = winners
            if answers[all_of_them.index(winner)]["run"] == 1:
                winner.ask(do="end", job=job)
        else:
            ends(all_of_them, winner, job, tally)


def ends(all_of_them: Sequence[Contestant], winner: Contestant, job: str, tally: Tally) -> None:
    answers = each((one, {"do": "settle" if one is winner else "cancel", "job": job}) for one in all_of_them)
    settled = next(answer for answer in answers if "superseded" in answer)
    states = {answer["state"] for answer in answers if "state" in answer}
    tally.collisions += settled["superseded"]
    tally.must_not("a job with two ends", states != {"CANCELLED" if settled["superseded"] else "SUCCEEDED"})


def stale_looks(teams: Sequence[Sequence[Contestant]], tally: Tally, looks: int) -> None:
    """A worker knows at once that its run was taken over, or its job cancelled, on the other machine."""
    for number in range(looks):
        (worker, *_), (rival, *_) = teams if number % 2 else reversed(teams)
        for what, job, act in (
            (
                "a run that goes on after another has begun",
                f"heir-{number}",
                {"do": "claim", "inherit": True},
            ),
            ("a run that goes on after its job was cancelled", f"cancelled-{number}", {"do": "cancel"}),
        ):
            worker.ask(do="claim", job=job)
            before = worker.ask(do="goes_on", job=job)
            tally.must_not("a run that does not go on", not (before["current"] and before["renewed"]))
            rival.ask(**act, job=job)
            after = worker.ask(do="goes_on", job=job)
            tally.must_not(what, after["current"] or after["renewed"])
            tally.must_not(
                "a verdict of a run that is over", not worker.ask(do="settle", job=job)["superseded"]
            )


def cancelled_batches(teams: Sequence[Sequence[Contestant]], tally: Tally, looks: int) -> None:
    """No job of a batch begins once it was cancelled, also where the batch was looked for just before."""
    for number in range(looks):
        (worker, *_), (rival, *_) = teams if number % 2 else reversed(teams)
        batch = f"batch-{number}"
        worker.ask(do="claim", job=f"{batch}-before", batch=batch)
        rival.ask(do="cancel_batch", batch=batch)
        after = worker.ask(do="claim", job=f"{batch}-after", batch=batch)
        tally.must_not("a job that begins after its batch was cancelled", after != {"verdict": "CANCELLED"})


def leases(teams: Sequence[Sequence[Contestant]], tally: Tally) -> None:
    """A lease that is renewed is not over for anyone; one that is not renewed any more is over for all."""
    (holder, neighbour), strangers = teams
    rivals = [neighbour, *strangers]
    jobs = [f"held-{number}" for number in range(HELD)]
    for job in jobs:
        holder.ask(do="claim", job=job)
    holder.ask(do="hold", jobs=jobs, every=RENEWED_EVERY)
    taken: set[str] = set()

    def claim_all() -> None:
        for job in jobs:
            if job not in taken and any("run" in answer for answer in together(rivals, do="claim", job=job)):
                taken.add(job)

    repeat(claim_all, lambda: False, seconds=2.2 * LEASE)
    longest = holder.ask(do="let_go")["longest"]
    if longest < LEASE - 0.5:  # else a machine stood still for so long that the lease was over
        tally.faults["a lease taken over while it was renewed"] += len(taken)
    repeat(claim_all, lambda: len(taken) == len(jobs), seconds=2 * LEASE * PATIENCE)
    tally.must_not("a lease that is never over", len(taken) < len(jobs))


def repeat(do: Callable[[], None], ended: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not ended():
        do()
