"""Variables like [OODT_HOME] in a policy's files, and their values."""

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

# The elements of a policy that may refer to variables.
REFERRING = re.compile(
    r"""<(?:property\b[^>]*\benvReplace\s*=\s*["']true["']|repository\b)[^>]*>""", re.IGNORECASE
)
VARIABLE = re.compile(r"\[(\w+)\]")
QUOTES = {'"': "&quot;", "'": "&apos;"}


def fill(content: bytes, variables: Mapping[str, str]) -> bytes:
    """A file of a policy with these variables filled in where OODT would look for them in its environment."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in variables:
            return found[0]
        # As ASCII, which is the same in nearly all encodings that the file may have.
        return escape(variables[name], QUOTES).encode("ascii", "xmlcharrefreplace").decode()

    text = content.decode("utf-8", "surrogateescape")
    return REFERRING.sub(lambda tag: VARIABLE.sub(value, tag[0]), text).encode("utf-8", "surrogateescape")
