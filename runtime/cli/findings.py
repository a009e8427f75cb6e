"""What does not agree between queues, ledger, catalogue and archive: how much of each kind, and the first."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

EXAMPLES = 3
# Each kind of finding in words. These can be mended.
MENDED = {
    "orphans": "products of runs that do not count",
    "missing": "products whose files are gone",
    "unknown": "files that no product has",
    "incomplete": "succeeded jobs that lack a product",
    "messages": "jobs that have not ended and have no message",
    "dead": "dead jobs that have no message",
    "stale": "messages in dead queues, of jobs that are not dead",
}
# These are named only.
NAMED = {
    "unrecorded": "products that no record names: of work given to OODT directly, or their records are gone",
    "unsendable": "jobs that should run again, and their records do not hold their messages",
    "undecided": "jobs whose messages may be in queues that are not empty: look again when they are",
    "batches": "batches of which the broker has fewer jobs than the history says",
}
# Nothing needs to be done about these.
IN_ORDER = frozenset({"unrecorded", "undecided"})


@dataclass(frozen=True, kw_only=True)
class Example:
    """One finding, as far as each part is known."""

    event: str | None = None
    job: str | None = None
    run: str | None = None
    product: str | None = None
    path: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in vars(self).items() if value is not None)


@dataclass(kw_only=True)
class Kind:
    found: int = 0
    mended: int = 0
    examples: list[Example] = field(default_factory=list)


@dataclass(kw_only=True)
class Findings:
    """The findings by kind; ``mend`` are the kinds that are to be mended.

    If the comparison ``broke_off``, there may be more.
    """

    mend: frozenset[str] = frozenset()
    broke_off: bool = False
    kinds: dict[str, Kind] = field(default_factory=lambda: {name: Kind() for name in {**MENDED, **NAMED}})

    def add(self, kind: str, example: Example) -> bool:
        """Note a finding; returns whether it is to be mended."""
        noted = self.kinds[kind]
        noted.found += 1
        if len(noted.examples) < EXAMPLES:
            noted.examples.append(example)
        return kind in self.mend

    def mended(self, kind: str) -> None:
        self.kinds[kind].mended += 1

    @property
    def agree(self) -> bool:
        """Whether all was compared, and nothing is left that does not agree."""
        return not self.broke_off and all(
            kind.found == kind.mended for name, kind in self.kinds.items() if name not in IN_ORDER
        )

    def answer(self) -> Mapping[str, Any]:
        kinds = {
            name: {
                "found": kind.found,
                "mended": kind.mended,
                "examples": [asdict(example) for example in kind.examples],
            }
            for name, kind in self.kinds.items()
        }
        return {"agree": self.agree, "kinds": kinds}

    def show(self) -> None:
        for name, text in {**MENDED, **NAMED}.items():
            kind = self.kinds[name]
            if not kind.found:
                continue
            mended = f", {kind.mended} mended" if kind.mended else ""
            print(f"{name}: {kind.found} {text}{mended}")
            for example in kind.examples:
                print(f"  {example}")
            if kind.found > len(kind.examples):
                print("  ...")
        if not self.broke_off:
            print("queues, ledger, catalogue and archive agree" if self.agree else "not all agrees")
