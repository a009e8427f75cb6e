"""What a command says while its work goes on."""

import pytest

from runtime.cli import display


def test_long_work_tells_every_few_seconds_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    step = display.lines(lambda: f"at {now:g} s")
    for now in (1, display.LINE_EVERY_SECONDS, display.LINE_EVERY_SECONDS + 1, 25):  # noqa: B007
        step()
    assert capsys.readouterr().err == "at 10 s\nat 25 s\n"
