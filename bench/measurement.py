"""The figures of the benchmark, with the limits that they should reach."""

import statistics
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The values of one figure, one for each repetition. ``limit`` is what the median should reach."""

    name: str
    unit: str
    values: tuple[float, ...]
    limit: float | None = None
    direction: Literal["at most", "at least"] = "at most"
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def reached(self) -> bool | None:
        if self.limit is None:
            return None
        return self.median <= self.limit if self.direction == "at most" else self.median >= self.limit

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "median": self.median, "reached": self.reached}


def table(figures: list[dict[str, Any]]) -> str:
    """Figures, each as JSON has it, as a Markdown table."""
    lines = [
        "| figure | median | spread | runs | to reach | reached |",
        "|---|---|---|---|---|---|",
    ]
    for each in figures:
        values, limit = each["values"], each["limit"]
        cells = (
            f"{each['name']} ({each['note']})" if each["note"] else each["name"],
            f"{_number(each['median'])} {each['unit']}",
            f"{_number(min(values))} to {_number(max(values))}" if len(values) > 1 else "",
            str(len(values)),
            "" if limit is None else f"{each['direction']} {_number(limit)}",
            {None: "", True: "yes", False: "**no**"}[each["reached"]],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
