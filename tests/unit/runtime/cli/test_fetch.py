"""Products come to the operator's folder whole and with their metadata, whatever their names."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime import fetch
from runtime.cli import fetching, frames, stack
from runtime.cli.result_folder import SUFFIX
from runtime.messaging.messages import job_id_for
from tests.unit.runtime.cli.results_site import ResultsSite, results_site

Fetch = Callable[..., "Done"]
STRANGE = [
    "two words.dat",
    "line\nbreak.dat",
    "quote'\"$(exit 3)`.dat",
    "-rf",
    "percent%20+.dat",
    "äöü.dat",
    "snow\U0001f328.dat",
    "deep/er/still.dat",
    "n" * 255,
    "ü" * 127,
]


class Done:
    """How the command ended, and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.out)
        return answer

    @property
    def counts(self) -> tuple[int, int, int]:
        """Products that were brought, that were there, and that failed."""
        return self.answer["fetched"], self.answer["present"], self.answer["failed"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ResultsSite]:
    with results_site(tmp_path) as site:
        site.let_ssh_in()
        yield site


@pytest.fixture
def run(site: ResultsSite, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Fetch:
    """Runs the command here; the archive's end is a process behind the ssh of the site."""
    monkeypatch.setenv("PATH", f"{site.bin}:{os.environ['PATH']}")
    for name in site.environment:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(Path(__file__).parents[4])

    def run(*arguments: str) -> Done:
        stack.outputs.cache_clear()
        try:
            code = fetch.COMMAND.main(arguments)
        except SystemExit as end:
            assert isinstance(end.code, int)
            code = end.code
        return Done(code, *capfd.readouterr())

    return run


def stalls_after(size: int) -> str:
    """A line that says no more after so many bytes, for as long as the command is there."""
    return f"{{ head -c {size}; while kill -0 $$ && kill -0 $PPID; do sleep 0.1; done 2>/dev/null; }}"


def is_locked(folder: Path) -> bool:
    """Whether a process holds a lock on it. To try one would keep others from it."""
    return folder.exists() and f":{folder.stat().st_ino} " in Path("/proc/locks").read_text()


def to(site: ResultsSite) -> Path:
    return site.folder / "results"


def files(folder: Path) -> dict[str, str]:
    """All files of a folder but metadata files, with their content."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(SUFFIX)
    }


def beside(site: ResultsSite, file: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((to(site) / f"{file}{SUFFIX}").read_text())
    return read


def test_the_products_of_a_batch_come_with_their_metadata(site: ResultsSite, run: Fetch) -> None:
    site.submitted("b", 2)
    site.job("b.1", "TestFile/one.dat", "TestFile/two.dat")
    site.job("b.2", "TestFile/three.dat")
    site.job("c.1", "TestFile/other.dat")
    done = run("--batch", "b", "--to", str(to(site)), "--json")
    assert done.code == 0, done.err
    assert done.counts == (3, 0, 0)
    assert files(to(site)) == {
        "TestFile/one.dat": "b.1 TestFile/one.dat",
        "TestFile/two.dat": "b.1 TestFile/two.dat",
        "TestFile/three.dat": "b.2 TestFile/three.dat",
    }
    found = beside(site, "TestFile/three.dat")
    content = (site.archive / "TestFile/three.dat").read_bytes()
    assert (found["name"], found["type"], found["job"]) == ("three.dat", "TestFile", "b.2")
    assert found["metadata"] == {"Job": ["b.2"]}
    assert [(file["path"], file["size"], file["sha256"]) for file in found["files"]] == [
        ("TestFile/three.dat", len(content), hashlib.sha256(content).hexdigest())
    ]


def test_names_come_as_they_are(site: ResultsSite, run: Fetch) -> None:
    site.job("b.1", *STRANGE)
    done = run("--job", "b.1", "--to", str(to(site)), "--json")
    assert (done.code, done.counts) == (0, (len(STRANGE), 0, 0)), done.out
    assert files(to(site)) == files(site.archive)
    assert run("--job", "b.1", "--to", str(to(site)), "--json").counts == (0, len(STRANGE), 0)


def test_files_of_one_name_from_two_jobs_have_places_of_their_own(site: ResultsSite, run: Fetch) -> None:
    site.submitted("b", 2)
    site.job("b.1", "monday/sheet.dat")
    site.job("b.2", "tuesday/sheet.dat")
    assert run("--batch", "b", "--to", str(to(site))).code == 0
    assert files(to(site)) == files(site.archive)


@pytest.mark.parametrize("spoil", ["delete", "shorten", "change", "metadata file"])
def test_what_is_there_and_right_is_not_brought_again(site: ResultsSite, run: Fetch, spoil: str) -> None:
    site.job("b.1", "one.dat", "two.dat")
    arguments = ("--job", "b.1", "--to", str(to(site)), "--json")
    assert run(*arguments).counts == (2, 0, 0)
    assert run(*arguments).counts == (0, 2, 0)
    one = to(site) / "one.dat"
    match spoil:
        case "delete":
            one.unlink()
        case "shorten":
            one.write_text(one.read_text()[:-1])
        case "change":
            one.write_text(one.read_text().swapcase())
        case "metadata file":
            (to(site) / f"one.dat{SUFFIX}").write_text('{"half": ')
    assert run(*arguments).counts == (1, 1, 0)
    assert files(to(site)) == files(site.archive)


def test_a_product_that_was_made_anew_is_brought_again(site: ResultsSite, run: Fetch) -> None:
    site.job("b.1", "one.dat")
    arguments = ("--job", "b.1", "--to", str(to(site)), "--json")
    run(*arguments)
    (site.archive / "one.dat").write_text("as long".ljust(len("b.1 one.dat")))
    assert run(*arguments).counts == (1, 0, 0)
    assert files(to(site)) == files(site.archive)


def test_a_line_that_breaks_leaves_no_part_of_a_file_and_the_next_command_goes_on(
    site: ResultsSite, run: Fetch
) -> None:
    site.job("b.1", "one.dat", "two.dat")
    (site.archive / "two.dat").write_bytes(os.urandom(3_000_000))
    site.let_ssh_in(through="head -c 2000000")
    arguments = ("--job", "b.1", "--to", str(to(site)))
    done = run(*arguments)
    assert done.code == 3
    assert "a file ended early" in done.err and "run the same command again to go on" in done.err
    assert sorted(path.name for path in to(site).iterdir()) == ["one.dat", f"one.dat{SUFFIX}"]
    site.let_ssh_in()
    assert run(*arguments, "--json").counts == (1, 1, 0)
    assert (to(site) / "two.dat").read_bytes() == (site.archive / "two.dat").read_bytes()


def test_a_draft_that_a_killed_command_has_left_is_taken_for_nothing(site: ResultsSite, run: Fetch) -> None:
    site.job("b.1", "one.dat")
    (site.archive / "one.dat").write_bytes(os.urandom(3_000_000))
    site.let_ssh_in(through=stalls_after(2_000_000))
    command = [sys.executable, "-m", "runtime.fetch", "--job", "b.1", "--to", str(to(site))]
    with subprocess.Popen(command) as killed:
        while not list(to(site).glob(".*.part")):
            assert killed.poll() is None
        killed.kill()
    assert len(list(to(site).iterdir())) == 1
    site.let_ssh_in()
    assert run("--job", "b.1", "--to", str(to(site)), "--json").counts == (1, 0, 0)
    assert sorted(path.name for path in to(site).iterdir()) == ["one.dat", f"one.dat{SUFFIX}"]


def test_a_file_that_came_wrong_is_not_kept(site: ResultsSite, run: Fetch) -> None:
    site.job("b.1", "one.dat", "two.dat")
    site.let_ssh_in(through="sed -u 's/b.1 two.dat/b.1 twO.dat/'")
    done = run("--job", "b.1", "--to", str(to(site)), "--json")
    assert (done.code, done.counts) == (1, (1, 0, 1))
    assert "checksum" in done.answer["problems"][0]["problem"]
    assert list(files(to(site))) == ["one.dat"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("{archive}/../outside.dat", "is not in the archive"),
        ("/etc/passwd", "is not in the archive"),
        ("{archive}/folder/link.dat", "neither a file nor a folder"),
        ("{archive}/linked/secret.dat", "is not in the archive any more"),
        ("{archive}/pipe", "neither a file nor a folder"),
        (f"{{archive}}/one{SUFFIX}", f"ends in {SUFFIX}"),
        ("{archive}/gone.dat", "is not in the archive any more"),
        ("{archive}/good.dat/inner", "is not in the archive any more"),
    ],
)
def test_a_file_that_cannot_or_may_not_come_is_named_and_the_others_come(
    site: ResultsSite, run: Fetch, path: str, words: str
) -> None:
    (site.folder / "outside.dat").write_text("secret")
    (site.folder / "elsewhere").mkdir()
    (site.folder / "elsewhere" / "secret.dat").write_text("secret")
    (site.archive / "folder").mkdir()
    (site.archive / "folder" / "link.dat").symlink_to(site.folder / "outside.dat")
    (site.archive / "linked").symlink_to(site.folder / "elsewhere")
    os.mkfifo(site.archive / "pipe")
    (site.archive / f"one{SUFFIX}").write_text("content")
    (site.archive / "good.dat").write_text("good")
    bad = site.product("bad", path.format(archive=site.archive))
    site.announce("b.1", [bad, site.product("good.dat", str(site.archive / "good.dat"))])
    done = run("--job", "b.1", "--to", str(to(site)), "--json")
    assert (done.code, done.counts) == (1, (1, 0, 1))
    [problem] = done.answer["problems"]
    assert (problem["job"], problem["product"]) == ("b.1", "bad")
    assert words in problem["problem"]
    assert files(to(site)) == {"good.dat": "good"}


@pytest.mark.parametrize("path", ["../outside.dat", "/tmp/outside.dat", "a//b", "a/./b", "..", "", "a\0b"])
def test_a_path_that_would_leave_the_folder_is_refused_whoever_sends_it(
    site: ResultsSite, run: Fetch, path: str
) -> None:
    said = [
        {"speaks": "oodt-fetch 1"},
        {"event": "e", "states": {"SUCCEEDED": 1}, "waiting": 0, "reason": None},
        {"id": "p", "name": "bad", "type": "T", "job": "b.1", "event": "e", "ended": 1.0, "problem": None}
        | {"place": path, "files": [{"path": path, "size": 1, "modified": 1}]},
        {"end": True},
    ]
    (site.folder / "said").write_text("".join(json.dumps(line) + "\n" for line in said))
    site.let_ssh_in(through=f"cat {site.folder}/said")
    done = run("--job", "b.1", "--to", str(to(site)), "--json")
    assert (done.code, done.counts) == (1, (0, 0, 1))
    assert "is no path inside the folder" in done.answer["problems"][0]["problem"]
    assert files(to(site)) == {}


def test_a_product_that_is_a_folder_comes_with_all_its_files(site: ResultsSite, run: Fetch) -> None:
    cube = site.archive / "cube"
    cube.mkdir()
    for band in ("a", "b"):
        (cube / band).write_text(band)
    site.announce("b.1", [site.product("cube", str(cube), str(cube / "a"), str(cube / "b"))])
    assert run("--job", "b.1", "--to", str(to(site))).code == 0
    assert files(to(site)) == {"cube/a": "a", "cube/b": "b"}
    assert [file["path"] for file in beside(site, "cube")["files"]] == ["cube/a", "cube/b"]


def test_of_two_products_with_one_file_the_later_ones_metadata_is_kept(site: ResultsSite, run: Fetch) -> None:
    site.submitted("b", 2)
    site.job("b.1", "same.dat")
    site.job("b.2", "same.dat")
    arguments = ("--batch", "b", "--to", str(to(site)), "--json")
    run(*arguments)
    again = run(*arguments)
    assert (again.code, again.counts, again.answer["shared"]) == (0, (0, 1, 0), 1)
    assert beside(site, "same.dat")["job"] == "b.2"
    assert files(to(site)) == {"same.dat": "b.2 same.dat"}


def test_what_is_here_in_the_place_of_a_product_stays_and_is_named(site: ResultsSite, run: Fetch) -> None:
    site.job("b.1", "one.dat", "folder/two.dat", "three.dat")
    (to(site) / "one.dat").mkdir(parents=True)
    (to(site) / "folder").write_text("mine")
    done = run("--job", "b.1", "--to", str(to(site)), "--json")
    assert (done.code, done.counts) == (1, (1, 0, 2))
    assert {each["product"] for each in done.answer["problems"]} == {"one.dat", "two.dat"}
    assert all("cannot be written here" in each["problem"] for each in done.answer["problems"])
    assert files(to(site)) == {"folder": "mine", "three.dat": "b.1 three.dat"}


def test_a_product_that_the_catalogue_has_no_more_is_named(site: ResultsSite, run: Fetch) -> None:
    site.job("b.1", "one.dat")
    [product] = site.catalogue.standin_products()
    site.catalogue.filemgr_removeProduct(product)
    done = run("--job", "b.1", "--to", str(to(site)))
    assert done.code == 1
    assert "one.dat of b.1: it is not in the catalogue any more" in done.out


@pytest.mark.parametrize("state", ["RUNNING", "DEAD", "CANCELLED"])
def test_a_job_that_has_not_succeeded_is_told_with_its_state(
    site: ResultsSite, run: Fetch, state: Any
) -> None:
    site.job("b.1", "one.dat", state=state, reason="its program did not exit with 0")
    done = run("--job", "b.1", "--to", str(to(site)))
    assert done.code == 1
    assert f"job b.1 has not succeeded: it is {state.lower()}" in done.out
    assert files(to(site)) == {}


def test_of_a_batch_the_jobs_that_have_not_succeeded_are_counted(site: ResultsSite, run: Fetch) -> None:
    site.submitted("b", 5)
    site.job("b.1", "one.dat")
    site.job("b.2", state="DEAD", reason="no")
    site.job("b.3", state="RUNNING")
    done = run("--batch", "b", "--to", str(to(site)))
    assert done.code == 1
    assert "4 of 5 jobs of b have not succeeded: 1 dead, 1 running, 2 waiting" in done.out
    assert "1 products" in done.out
    assert list(files(to(site))) == ["one.dat"]


def test_a_job_without_products_is_told_to_have_none(site: ResultsSite, run: Fetch) -> None:
    site.job("b.1")
    done = run("--job", "b.1", "--to", str(to(site)))
    assert (done.code, done.out) == (0, "the jobs that have succeeded have no products\n")


def test_a_name_that_two_events_have_needs_its_event(site: ResultsSite, run: Fetch) -> None:
    site.job("b.1", "one.dat", event="one")
    site.job("b.1", "other.dat", event="other")
    done = run("--job", "b.1", "--to", str(to(site)))
    assert done.code == 2
    assert "several events have a job b.1: say --event" in done.err
    assert run("--job", "b.1", "--event", "other", "--to", str(to(site))).code == 0
    assert list(files(to(site))) == ["other.dat"]


def test_a_job_is_found_by_the_id_that_its_sender_gave(site: ResultsSite, run: Fetch) -> None:
    site.job(job_id_for("a sender's/id"), "one.dat")
    assert run("--job", "a sender's/id", "--to", str(to(site))).code == 0
    assert list(files(to(site))) == ["one.dat"]


def test_an_unknown_batch_is_bad_input(site: ResultsSite, run: Fetch) -> None:
    done = run("--batch", "none", "--to", str(to(site)))
    assert (done.code, done.err) == (2, "no batch none is known\n")


def test_more_products_than_a_page_of_the_history_come(site: ResultsSite, run: Fetch) -> None:
    site.submitted("b", 1100)
    for number in range(1, 1101):
        site.job(f"b.{number}", f"{number % 7}/{number}.dat")
    arguments = ("--batch", "b", "--to", str(to(site)), "--json")
    assert run(*arguments).counts == (1100, 0, 0)
    assert run(*arguments).counts == (0, 1100, 0)
    assert files(to(site)) == files(site.archive)


def test_where_the_share_is_no_ssh_is_needed(
    site: ResultsSite, run: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.job("b.1", "one.dat")
    (site.bin / "ssh").write_text("#!/bin/sh\nexit 99\n")
    for name, value in site.environment.items():
        monkeypatch.setenv(name, value)
    assert run("--job", "b.1", "--to", str(to(site))).code == 0
    assert files(to(site)) == files(site.archive)


def test_a_manager_that_lets_nobody_in_is_told_with_the_line_to_try(site: ResultsSite, run: Fetch) -> None:
    (site.bin / "ssh").write_text("#!/bin/sh\nexit 255\n")
    done = run("--job", "b.1", "--to", str(to(site)))
    assert (done.code, done.err) == (3, "the manager lets nobody in; try: ssh -i 'a key' root@manager\n")


def test_a_cluster_that_does_not_know_the_command_says_how_to_update_it(
    site: ResultsSite, run: Fetch
) -> None:
    (site.bin / "docker").write_text(
        "#!/bin/sh\necho 'No module named runtime.cli.archive_end' >&2; exit 1\n"
    )
    done = run("--job", "b.1", "--to", str(to(site)))
    assert done.code == 3
    assert "exit code 1" in done.err and "type `pulumi up` first" in done.err


def test_a_file_manager_that_is_away_is_told(site: ResultsSite, run: Fetch) -> None:
    site.job("b.1", "one.dat")
    site.file_manager_url = "http://127.0.0.1:9"
    site.let_ssh_in()
    done = run("--job", "b.1", "--to", str(to(site)))
    assert done.code == 3
    assert "http://127.0.0.1:9 is not reachable" in done.err
    assert files(to(site)) == {}


def test_a_line_that_says_nothing_for_long_is_given_up(
    site: ResultsSite, run: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.job("b.1", "one.dat")
    site.let_ssh_in(through=stalls_after(60))
    monkeypatch.setattr(frames, "QUIET_SECONDS", 3.0)
    monkeypatch.setattr(fetching, "END_SECONDS", 0.1)
    done = run("--job", "b.1", "--to", str(to(site)))
    assert (done.code, done.err) == (
        3,
        "the archive's end broke off: nothing has come for 3 s; run the same command again to go on\n",
    )


@pytest.mark.timeout(60)
def test_the_time_limit_covers_a_line_that_stands_still(site: ResultsSite, run: Fetch) -> None:
    site.job("b.1", "one.dat")
    site.let_ssh_in(through=stalls_after(60))
    done = run("--job", "b.1", "--to", str(to(site)), "--timeout", "3", "--json")
    assert done.code == 4
    assert "run the same command again to go on" in done.err


def test_two_commands_do_not_write_to_one_folder_at_once(site: ResultsSite, run: Fetch) -> None:
    site.job("b.1", "one.dat")
    site.let_ssh_in(through=stalls_after(60))
    command = [sys.executable, "-m", "runtime.fetch", "--job", "b.1", "--to", str(to(site))]
    with subprocess.Popen(command) as first:
        while not is_locked(to(site)):
            assert first.poll() is None
        done = run("--job", "b.1", "--to", str(to(site)), "--timeout", "20")
        first.kill()
    assert done.code == 2
    assert "another oodt fetch writes now" in done.err


@pytest.mark.parametrize("arguments", [("--job", ""), ("--batch", ""), ("--job", "a", "--event", "")])
def test_what_an_unset_variable_leaves_of_an_option_is_refused(
    run: Fetch, arguments: tuple[str, ...]
) -> None:
    done = run(*arguments, "--to", "results")
    assert (done.code, done.out) == (2, "")
    assert "''" in done.err


def test_a_folder_that_cannot_be_written_to_is_named(site: ResultsSite, run: Fetch) -> None:
    (site.folder / "file").write_text("")
    for folder in ("", str(site.folder / "file")):
        done = run("--job", "b.1", "--to", folder)
        assert done.code == 2
        assert f"'{folder}'" in done.err
