"""Steps of the toolchain: their order, what runs side by side, and what is said of those that fail."""

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier

import pytest

from toolchain import steps
from toolchain.steps import Log, Step, StepFailed, run_steps

WAIT_SECONDS = 20


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(steps, "TOOLCHAIN", tmp_path)
    monkeypatch.setattr(steps, "LOGS", tmp_path / "log")
    yield tmp_path


def noting(name: str, done: list[str]) -> Step:
    def run(_log: Log) -> str:
        done.append(name)
        return "done"

    return Step(name=name, title=name, run=run)


def failing(_log: Log) -> str:
    _log.note("the mirror says no")
    raise StepFailed("choose another mirror")


def test_the_steps_of_a_chain_run_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []
    run_steps([noting("one", done), noting("two", done)])
    assert done == ["one", "two"]
    begun, ended = [line for line in capsys.readouterr().out.splitlines() if ": two" in line]
    assert begun == "toolchain: two ..."
    assert re.fullmatch(r"toolchain: two: done \(\d+\.\d s\)", ended)


def test_chains_run_side_by_side() -> None:
    together = Barrier(2, timeout=WAIT_SECONDS)

    def meet(_log: Log) -> str:
        together.wait()
        return "met"

    run_steps(*([Step(name=name, title=name, run=meet)] for name in ("one", "other")))


def test_a_step_that_fails_ends_its_chain_and_no_other_and_its_log_is_shown() -> None:
    done: list[str] = []
    broken = Step(name="broken", title="base image", run=failing)
    with pytest.raises(SystemExit) as ended:
        run_steps([broken, noting("after", done)], [noting("other", done)])
    assert done == ["other"]
    for text in ("the mirror says no", "toolchain: base image: choose another mirror", "broken.log"):
        assert text in str(ended.value)
