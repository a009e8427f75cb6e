"""The XML files of a workflow as OODT 0.3 sees them: without regard to namespaces, and with line numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers.expat import ExpatError, ParserCreate


class Unreadable(ValueError):
    """A file that is no XML, with the line that says so."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(kw_only=True, eq=False)
class Element:
    """An element. ``tag`` has the prefix that the file gives it: to OODT, <cas:task> is no <task>."""

    file: Path
    line: int
    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def __getitem__(self, attribute: str) -> str:
        """The attribute's value. One that is not there is empty to OODT."""
        return self.attributes.get(attribute, "")

    def all(self, tag: str) -> list[Element]:
        """The elements of this tag, however deep. So does OODT look for them."""
        return [each for each in self.below() if each.tag == tag]

    def first(self, tag: str) -> Element | None:
        return next(iter(self.all(tag)), None)

    def within(self, outer: str, tag: str) -> list[Element]:
        """The elements of this tag in the first element OUTER; none if there is no such element."""
        first = self.first(outer)
        return first.all(tag) if first else []

    def below(self) -> Iterator[Element]:
        for child in self.children:
            yield child
            yield from child.below()

    def content(self) -> str:
        """All text within it."""
        return self.text + "".join(each.text for each in self.below())

    def meaning(self) -> tuple[object, ...]:
        """What is the same for two elements that mean the same."""
        inner = tuple(child.meaning() for child in self.children)
        return self.tag, tuple(sorted(self.attributes.items())), " ".join(self.text.split()), inner

    def is_true(self, attribute: str) -> bool:
        return self[attribute].lower() == "true"

    def is_false(self, attribute: str) -> bool:
        return self[attribute].lower() == "false"


def parse(file: Path) -> Element:
    """The root of a file. Raises Unreadable, or OSError."""
    top = Element(file=file, line=1, tag="", attributes={})
    open_elements = [top]
    parser = ParserCreate()
    parser.buffer_text = True

    def start(tag: str, attributes: dict[str, str]) -> None:
        line = parser.CurrentLineNumber
        element = Element(file=file, line=line, tag=tag, attributes=attributes)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def text(data: str) -> None:
        open_elements[-1].text += data

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_elements.pop()
    parser.CharacterDataHandler = text
    try:
        parser.Parse(file.read_bytes(), True)
    except (ExpatError, LookupError, ValueError) as problem:  # the latter two: encodings
        raise Unreadable(parser.CurrentLineNumber, str(problem).partition(": line ")[0]) from None
    return top.children[0]
