"""The report's folder: a page to read, the same as JSON, what each step wrote, what the consoles said."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from infra.aws.preflight.leftovers import Leftover
from tools.day_one.account import Account

State = Literal["done", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a step; ``problem`` says why it is not done."""

    step: str
    what: str
    state: State
    seconds: float
    limit: float
    problem: str = ""


@dataclass(kw_only=True)
class Report:
    """Written anew after each step, so that it is there however the trial ends."""

    folder: Path
    facts: dict[str, Any]
    outcomes: list[Outcome] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "consoles").mkdir(parents=True)

    def log(self, step: str) -> Path:
        return self.folder / f"{len(self.outcomes):02d}-{step}.log"

    def add(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.write()

    def consoles(self, account: Account) -> None:
        """Keep what the instances have written until now; nothing of it is to be had once they are gone."""
        for identifier in account.instances():
            file = self.folder / "consoles" / f"{identifier}.txt"
            text = account.console(identifier)
            if not file.exists() or len(text) >= file.stat().st_size:
                file.write_text(text)

    def write(self) -> None:
        """Where it cannot be written, destroy goes on all the same."""
        with contextlib.suppress(OSError):
            self._write()

    def _write(self) -> None:
        content = {
            **self.facts,
            "steps": [asdict(each) for each in self.outcomes],
            "leftovers": [asdict(each) for each in self.leftovers],
            "notes": self.notes,
        }
        (self.folder / "report.json").write_text(json.dumps(content, indent=2) + "\n")
        (self.folder / "report.md").write_text("\n".join(self._page()) + "\n")

    def _page(self) -> list[str]:
        lines = ["# Target aws, first day", ""]
        lines += [f"- {name}: {value}" for name, value in self.facts.items()]
        lines += ["", "| step | what | state | took | limit |", "|---|---|---|---|---|"]
        lines += [
            f"| {each.step} | {each.what} | {each.state} | {each.seconds:.0f} s | {each.limit:.0f} s |"
            for each in self.outcomes
        ]
        for each in self.outcomes:
            if each.state == "failed":
                lines += ["", f"## {each.step}", "", "```", each.problem, "```"]
        if self.leftovers:
            lines += ["", "## Left in the account", "", "```sh"]
            lines += [f"{each.line}   # {each.kind}" for each in self.leftovers]
            lines += ["```"]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return lines
