"""Makes docs/demo.svg of what `make demo` has printed: python -m docs.make.terminal < demo.log

The preview is left out, and the stack's outputs, which name this machine. Long lists are shortened.
"""

import sys
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from pathlib import Path

PICTURE = Path(__file__).parents[1] / "demo.svg"
COMMAND = "$ make demo"
COLUMNS = 104
# Steps of an update, and the archive's files: of more than these, the first one and the last ones are shown.
KINDS = (" +  ", " ~  ", "/")
SHOWN_FIRST, SHOWN_LAST = 1, 2
DOTS = "    ..."

# Pixels: a letter's width, a line's height, the margin around them.
LETTER, LINE, MARGIN = 8, 18, 16


def shortened(lines: Iterable[str]) -> Iterator[str]:
    """The lines as they are shown."""
    for kind, group in groupby(_chosen(lines), key=lambda line: line.startswith(KINDS)):
        run = list(group)
        if kind and len(run) > SHOWN_FIRST + SHOWN_LAST:
            run = [*run[:SHOWN_FIRST], DOTS, *run[-SHOWN_LAST:]]
        yield from run


def _chosen(lines: Iterable[str]) -> Iterator[str]:
    until = ""
    for line in lines:
        if line.startswith("Previewing"):
            until = "Updating"
        elif line == "Outputs:":
            until = "Resources:"
        elif until and line.startswith(until):
            until = ""
        # Pulumi shows by lines of dots that it is still at work.
        if not until and not line.startswith("@ "):
            yield line


def picture(lines: Iterable[str]) -> str:
    shown = [COMMAND, *(line[:COLUMNS].rstrip() for line in lines)]
    width, height = 2 * MARGIN + COLUMNS * LETTER, 2 * MARGIN + len(shown) * LINE
    texts = [
        f'<text x="{MARGIN}" y="{MARGIN + number * LINE}" textLength="{len(line) * LETTER}"{_look(line)}>'
        f"{escape(line)}</text>"
        for number, line in enumerate(shown, start=1)
        if line
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">',
            "<style>text { font: 13px monospace; white-space: pre; fill: #d9e2ec } "
            ".head { font-weight: bold; fill: #8ed1a5 }</style>",
            '<rect width="100%" height="100%" rx="8" fill="#1f2933"/>',
            *texts,
            "</svg>\n",
        ]
    )


def _look(line: str) -> str:
    return ' class="head"' if line.startswith(("== ", "$ ")) else ""


if __name__ == "__main__":
    PICTURE.write_text(picture(shortened(sys.stdin.read().splitlines())))
