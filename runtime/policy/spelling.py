"""What OODT 0.3 passes over without a word: unknown elements and attributes, and the second of a kind."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from runtime.policy.documents import Element
from runtime.policy.findings import Report

# Attributes by element, for each kind of file.
Known = Mapping[str, tuple[str, ...]]
PROPERTY: Known = {"configuration": (), "property": ("name", "value", "envReplace")}
EVENTS: Known = {"event": ("name",), "workflow": ("id",)}
WORKFLOW: Known = {"tasks": (), "task": ("id",)}
CONDITIONS: Known = {"condition": ("id", "name", "class"), **PROPERTY}
TASKS: Known = {
    "task": ("id", "name", "class"),
    "conditions": (),
    "condition": ("id",),
    "requiredMetFields": (),
    "metfield": ("name",),
    **PROPERTY,
}
TYPES: Known = {
    "type": ("id", "name"),
    "repository": ("path",),
    "versioner": ("class",),
    "description": ("trim",),
    "metExtractors": (),
    "extractor": ("class",),
    "typeHandlers": (),
    "typeHandler": ("class", "elementName"),
    "metadata": (),
    "keyval": (),
    **PROPERTY,
}
ELEMENTS: Known = {"element": ("id", "name"), "description": ("trim",), "dcElement": ()}
ELEMENT_MAP: Known = {"type": ("id", "parent"), "element": ("id",)}
METADATA = ("key", "key-gen", "key-ref", "val", "envReplace", "envReplace-NoRecur", "split", "workflowMet")
PGE_CONFIG: Known = {
    "import": ("namespace", "file"),
    "customMetadata": (),
    "metadata": METADATA,
    "dynInputFiles": (),
    "file": ("path", "writerClass", "args"),
    "exe": ("dir", "shellType"),
    "cmd": (),
    "output": (),
    "dir": ("path", "createBeforeExe"),
    "files": ("regExp", "name", "metFileWriterClass", "args"),
    "renamingConv": ("namingExpr", "envReplace"),
}
METADATA_LIST: Known = {"metadata": (*METADATA, "delimiter")}

# Of these OODT reads the first only, in each element of the other name; "" is the file's root.
ONCE: Known = {
    "task": ("conditions", "configuration", "requiredMetFields"),
    "condition": ("configuration",),
    "extractor": ("configuration",),
    "type": ("repository", "versioner", "description", "metExtractors", "typeHandlers"),
    "": ("tasks", "customMetadata", "dynInputFiles", "exe", "output"),
}
# OODT looks for these within an element of the other names only.
WITHIN: Known = {
    "task": ("tasks",),
    "condition": ("conditions",),
    "property": ("configuration",),
    "metfield": ("requiredMetFields",),
    "extractor": ("metExtractors",),
    "typeHandler": ("typeHandlers",),
    "metadata": ("customMetadata", "renamingConv"),
    "file": ("dynInputFiles",),
    "cmd": ("exe",),
    "dir": ("output",),
    "files": ("dir",),
}

# Later versions of OODT have these; 0.3 passes over them.
LATER_ATTRIBUTES = {("exe", "shell"): "shellType"}
NEAR = 0.8


def check(root: Element, known: Known, report: Report) -> None:
    _seconds(root, known, report)
    _places(root, frozenset(), known, report)
    for element in root.below():
        plain = element.tag.rpartition(":")[2]
        if element.tag in known:
            _attributes(element, known[element.tag], report)
        elif plain in known and ":" in element.tag:
            problem = f"OODT passes over <{element.tag}>: it looks for <{plain}>"
            report.error(element, problem, f"write <{plain}>, without a prefix")
        elif meant := _near(element.tag, known):
            report.warn(element, f"OODT passes over <{element.tag}>", f"did you mean <{meant}>?")


def _seconds(root: Element, known: Known, report: Report) -> None:
    for scope in (root, *root.below()):
        for tag in ONCE.get("" if scope is root else scope.tag, ()):
            for second in scope.all(tag)[1:] if tag in known else ():
                if second.children or second.attributes:
                    problem = f"OODT passes over a second <{tag}>: it reads the first only"
                    report.error(second, problem, "put all into one")


def _places(element: Element, above: frozenset[str], known: Known, report: Report) -> None:
    for child in element.children:
        around = [tag for tag in WITHIN.get(child.tag, ()) if tag in known]
        if around and not above.intersection(around):
            problem = f"OODT passes over this <{child.tag}>: it looks for it within <{around[0]}> only"
            report.error(child, problem, f"put it into <{around[0]}>")
        _places(child, above | {child.tag}, known, report)


def _attributes(element: Element, known: tuple[str, ...], report: Report) -> None:
    for name in element.attributes:
        if name in known:
            continue
        meant = LATER_ATTRIBUTES.get((element.tag, name)) or _near(name, known)
        if meant and meant not in element.attributes:
            report.warn(
                element,
                f"OODT 0.3 passes over the attribute {name} of <{element.tag}>",
                f"did you mean {meant}?",
            )


def _near(name: str, known: Iterable[str]) -> str:
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=NEAR)
    return by_lower[near[0]] if near else ""
