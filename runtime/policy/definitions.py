"""Rules for ids: what is defined twice, and what is named but defined nowhere."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from runtime.policy.documents import Element
from runtime.policy.findings import Report


def by_id(
    elements: Iterable[Element], report: Report, *, key: str = "id", last: bool = True
) -> dict[str, Element]:
    """Elements by id. Of two with one id OODT takes the LAST, or the first, and passes over the other."""
    found: dict[str, Element] = {}
    for element in elements:
        name = element[key]
        if not name:
            report.error(element, f"<{element.tag}> has no {key}, so nothing can name it", f"give it {key}=")
            continue
        earlier = found.get(name)
        if earlier is None:
            found[name] = element
            continue
        passed_over, used = (earlier, element) if last else (element, earlier)
        found[name] = used
        place = used.file.name if used.file.parent == passed_over.file.parent else used.file
        same = earlier.meaning() == element.meaning()
        report.add(
            "warning" if same else "error",
            passed_over,
            f"<{element.tag}> {key} {name} is in {place}, line {used.line}, too: OODT uses that one",
            "remove one of them" if same else f"give each a {key} of its own",
        )
    return found


def named(element: Element, defined: Collection[str], where: str, effect: str, report: Report) -> None:
    """Report an id that ELEMENT has and that WHERE defines no element for, with the EFFECT of that."""
    name = element["id"]
    if name in defined:
        return
    near = difflib.get_close_matches(name, defined, n=1, cutoff=0.7)
    known = ", ".join(sorted(defined)) or "none"
    fix = f"did you mean {near[0]}?" if near else f"define it, or name one that {where} defines: {known}"
    report.error(element, f"{element.tag} {name or '(no id)'} is defined nowhere in {where}: {effect}", fix)
