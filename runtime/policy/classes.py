"""The classes that a policy may name: those of the image, by kind, and those in jars of the folder."""

from __future__ import annotations

import copy
import difflib
import functools
import zipfile
from importlib.resources import files
from pathlib import Path

from runtime.policy.documents import Element
from runtime.policy.findings import Report
from runtime.policy.places import Places


@functools.cache
def image_classes() -> dict[str, frozenset[str]]:
    """Kinds by class. The file is made from the image's jars: testing/policy_classes.py."""
    kinds: dict[str, set[str]] = {}
    for line in (files("runtime.policy") / "classes.txt").read_text().splitlines():
        kind, _, name = line.partition(": ")
        kinds.setdefault(name, set()).add(kind)
    return {name: frozenset(each) for name, each in kinds.items()}


def is_pge(name: str) -> bool:
    return "PGE task" in image_classes().get(name, ())


class Classes:
    """The classes that one workflow may name."""

    def __init__(self, places: Places, report: Report) -> None:
        self._places = places
        self._report = report
        jars = {*places.folder.rglob("*.jar"), *places.pges.rglob("*.jar")}
        self._jars = {name: jar for jar in sorted(jars) for name in _names(jar, report)}

    def with_report(self, report: Report) -> Classes:
        """The same classes; what is wrong goes into REPORT."""
        other = copy.copy(self)
        other._report = report
        return other

    def check(self, at: Element, attribute: str, name: str, kind: str) -> None:
        """Report a class that OODT cannot load, or that is not of this kind."""
        what = f"property {attribute}" if at.tag == "property" else f"{attribute} of <{at.tag}>"
        if not name:
            self._report.error(at, f"{what} is empty: OODT needs a {kind} there", f"name one: {_some(kind)}")
            return
        kinds = image_classes().get(name)
        if kinds and kind in kinds:
            return
        if kinds:
            others = ", ".join(sorted(kinds))
            self._report.error(
                at, f"{what} is {name}, which is no {kind} but: {others}", f"use {_some(kind)}"
            )
        elif name in self._jars:
            self._report.warn(
                at,
                f"{what} is {name} of {self._jars[name].name}, and OODT finds no jar that is in this folder",
                "put the jar into /usr/local/oodt/lib of the image",
            )
        elif self._places.own_image and not name.startswith("org.apache.oodt."):
            self._report.warn(
                at, f"{what} is {name}, which the cluster's image lacks", "see that your image has its jar"
            )
        else:
            self._report.error(
                at,
                f"{what} is {name}, which is neither in the image nor in a jar of this folder",
                _fix(name, kind),
            )


def _names(jar: Path, report: Report) -> list[str]:
    try:
        with zipfile.ZipFile(jar) as archive:
            entries = archive.namelist()
    except (OSError, zipfile.BadZipFile) as problem:
        report.warn(jar, f"this jar cannot be read ({problem})", "build it again")
        return []
    suffix = ".class"
    return [each.removesuffix(suffix).replace("/", ".") for each in entries if each.endswith(suffix)]


def _some(kind: str) -> str:
    return ", ".join(_of(kind)) or f"a {kind} of your own"


def _fix(name: str, kind: str) -> str:
    last = name.rpartition(".")[2]
    by_last = {each.rpartition(".")[2]: each for each in _of(kind)}
    near = difflib.get_close_matches(last, by_last, n=1, cutoff=0.8)
    if near:
        return f"did you mean {by_last[near[0]]}?"
    return "put its jar into the image, and into the folder too"


def _of(kind: str) -> list[str]:
    return sorted(name for name, kinds in image_classes().items() if kind in kinds)
