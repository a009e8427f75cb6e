"""Placeholders like [JobDir], filled in as OODT 0.3 does: what nothing defines becomes null."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from dataclasses import dataclass

# Stands in a filled text for what only a job knows, and for what nothing defines.
UNKNOWN = "\uffff"
ROUNDS = 50
# Dates, and functions of dates, whose arguments may have placeholders.
DATES = re.compile(
    r"\[\s*(?:DATE\s*(?:[+-](?P<days>[^.]+?))?\.\s*(?:DAY|MONTH|YEAR|UTC|TAI)"
    r"|(?:DATE_ADD|FORMAT|UTC_TO_TAI|DATE_TO_SECS|DATE_TO_MILLIS)\s*\((?P<arguments>.+?)\))\s*\]"
)
NAME = re.compile(r"[A-Za-z_][\w.:/-]*")

Known = MutableMapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A text with its placeholders filled in; ``undefined`` are the names that nothing defines."""

    text: str
    undefined: tuple[str, ...] = ()
    broken: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it is the same for every job, and all of it is defined."""
        return UNKNOWN not in self.text and not self.broken


def fill(text: str, known: Known) -> Filled:
    """Fill in a text of a PGE configuration, and what comes in place of its placeholders."""
    undefined: list[str] = []
    for _ in range(ROUNDS):
        if "[" not in text:
            return Filled(text=text, undefined=tuple(undefined))
        filled = fill_once(_without_dates(text, known, undefined), known)
        undefined += filled.undefined
        if filled.broken:
            return Filled(text=text, undefined=tuple(undefined), broken=filled.broken)
        text = filled.text
    return Filled(text=text, undefined=tuple(undefined), broken="it refers to itself without end")


def fill_once(text: str, known: Known) -> Filled:
    """Fill in a text by names alone, once. So does OODT with variables in the files of the policy."""
    parts: list[str] = []
    undefined: list[str] = []
    position = 0
    while (start := text.find("[", position)) >= 0:
        end = text.find("]", start + 2)  # a name has one character at least
        if end < 0:
            return Filled(text=text, broken="a [ has no ] after it")
        name = text[start + 1 : end]
        if name in known:
            value = known[name]
            parts += [text[position:start], UNKNOWN if value is None else value]
        else:
            undefined.append(name)
            parts += [text[position:start], UNKNOWN]
        position = end + 1
    return Filled(text="".join([*parts, text[position:]]), undefined=tuple(undefined))


def is_name(text: str) -> bool:
    """Whether a job could have metadata of this name. Brackets of a shell's test hold something else."""
    return NAME.fullmatch(text) is not None


def _without_dates(text: str, known: Known, undefined: list[str]) -> str:
    while found := DATES.search(text):
        inner = fill(found["arguments"] or found["days"] or "", known)
        undefined += inner.undefined
        text = text[: found.start()] + UNKNOWN + text[found.end() :]
    return text
