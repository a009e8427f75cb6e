"""What a terminal ends up showing of a program's output: its lines, without colours and what was drawn over.

A carriage return, a backspace or a cursor move lets a program write over what it has written, as progress
bars do. The terminal here is as wide as its lines. It scrolls: a line that is too far above is final.
"""

import re
from collections.abc import Iterator

# The cursor does not get further up, and not further right of a line's end.
ROWS = 200
COLUMNS = 1000
# A longer line is broken.
LONGEST_LINE = 65536
# Control sequences (ECMA-48): CSI; titles, links and other strings, up to BEL or ST; the rest of the escapes.
# One that is incomplete waits for the rest of it.
LONGEST_SEQUENCE = 4096
TOKEN = re.compile(
    r"\x1b\[(?P<parameters>[0-?]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]"
    r"|(?P<control>[\x00-\x08\x0a-\x1f\x7f-\x9f])"
    r"|(?P<text>[^\x00-\x08\x0a-\x1f\x7f-\x9f]+)",
    re.DOTALL,
)
INCOMPLETE = re.compile(
    rf"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]{{0,{LONGEST_SEQUENCE}}}\x1b?|[ -/]*)\Z", re.DOTALL
)


class Screen:
    """A terminal that output is fed to."""

    def __init__(self, *, rows: int = ROWS) -> None:
        self._rows = rows
        self._lines: list[list[str]] = [[]]
        self._row = 0
        self._column = 0
        self._incomplete = ""

    def feed(self, output: str) -> Iterator[str]:
        """Take output in; yield the lines that cannot change any more."""
        output = self._incomplete + output
        found = INCOMPLETE.search(output, max(0, len(output) - LONGEST_SEQUENCE))
        self._incomplete = found.group() if found else ""
        for token in TOKEN.finditer(output, 0, len(output) - len(self._incomplete)):
            if text := token["text"]:
                self._write(text)
            elif control := token["control"]:
                self._control(control)
            elif final := token["final"]:
                self._sequence(final, token["parameters"])
            while len(self._lines) > self._rows:
                yield self._scroll()

    def close(self) -> Iterator[str]:
        """The lines that are left."""
        while len(self._lines) > 1:
            yield self._scroll()
        if self._lines[0]:
            yield self._scroll()

    def _scroll(self) -> str:
        self._row = max(0, self._row - 1)
        return "".join(self._lines.pop(0)).rstrip()

    def _write(self, text: str) -> None:
        while text:
            if self._column >= LONGEST_LINE:
                self._control("\n")
            part, text = text[: LONGEST_LINE - self._column], text[LONGEST_LINE - self._column :]
            line = self._lines[self._row]
            line.extend(" " * (self._column - len(line)))
            line[self._column : self._column + len(part)] = part
            self._column += len(part)

    def _control(self, control: str) -> None:
        match control:
            case "\n":
                self._row += 1
                self._column = 0
                if self._row == len(self._lines):
                    self._lines.append([])
            case "\r":
                self._column = 0
            case "\b":
                self._column = max(0, self._column - 1)

    def _sequence(self, final: str, parameters: str) -> None:
        first = parameters.partition(";")[0]
        number = int(first) if first.isdecimal() and len(first) < 10 else 0
        moves = max(1, number)
        match final:
            case "A" | "F":
                self._row = max(0, self._row - moves)
            case "B" | "E":
                self._row = min(len(self._lines) - 1, self._row + moves)
            case "C":
                self._column = min(self._column + moves, max(len(self._lines[self._row]), COLUMNS))
            case "D":
                self._column = max(0, self._column - moves)
            case "G":
                self._column = min(moves - 1, max(len(self._lines[self._row]), COLUMNS))
            case "K":
                self._erase_in_line(number)
            case "J" if number == 0:
                self._erase_in_line(0)
                del self._lines[self._row + 1 :]
        if final in "EF":
            self._column = 0

    def _erase_in_line(self, how: int) -> None:
        """From the cursor on (0), up to it (1), or all."""
        line = self._lines[self._row]
        match how:
            case 0:
                del line[self._column :]
            case 1:
                line[: self._column + 1] = " " * min(self._column + 1, len(line))
            case _:
                line.clear()


def shown(output: str) -> str:
    """The lines that a terminal ends up showing of the whole OUTPUT."""
    screen = Screen()
    return "\n".join((*screen.feed(output), *screen.close()))
