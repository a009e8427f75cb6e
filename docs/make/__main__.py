"""Writes the parts of the pages that the code states itself: options of commands, keys of settings.

python -m docs.make writes them; with --check it only says which page is out of date. A part is between
the lines <!-- generated: NAME --> and <!-- end --> of its page. All other text is written by hand.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from docs.make import commands, settings, versions

DOCS = Path(__file__).parents[1]
PART = re.compile(r"(<!-- generated: ([\w ]+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)


class PageError(ValueError):
    """A page and the parts that are generated do not fit together; the message says which and what to do."""


def renewed(page: str, parts: Mapping[str, str]) -> str:
    """The page with each of the parts in its place. Raises PageError if they are not the same parts."""
    places = [name for _, name, _ in PART.findall(page)]
    if sorted(places) != sorted(parts):
        raise PageError(
            f"the page has places for {', '.join(sorted(places)) or 'nothing'}, and the generated parts are "
            f"{', '.join(sorted(parts))}: write or remove lines like <!-- generated: {min(parts)} -->"
        )
    return PART.sub(lambda found: f"{found[1]}{parts[found[2]]}\n{found[3]}", page)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m docs.make", description="Write the generated parts of pages."
    )
    parser.add_argument("--check", action="store_true", help="only say which page is out of date")
    check = parser.parse_args().check
    outdated = []
    pages = {
        "commands.md": commands.parts(),
        "settings.md": settings.parts(),
        "versions.md": versions.parts(),
    }
    for name, parts in pages.items():
        path = DOCS / name
        page = path.read_text()
        try:
            new = renewed(page, parts)
        except PageError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            return 1
        if new != page:
            outdated.append(path.name)
            if not check:
                path.write_text(new)
    if outdated:
        print(f"{', '.join(outdated)}: {'out of date; write it with: make docs' if check else 'written'}")
    return int(check and bool(outdated))


if __name__ == "__main__":
    sys.exit(main())
