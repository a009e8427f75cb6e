"""Whether a text is a regular expression in Java's syntax, which differs from Python's in some places."""

from __future__ import annotations

import re

# What Java has and Python has not, or reads otherwise. Python does not judge an expression with one of these.
JAVA_ONLY = re.compile(r"\\[QEpPhHRXGzkKcxeN]|\(\?<[A-Za-z]|\(\?[a-zA-Z-]*[dU-]|&&|\[[^\]]*\[|[\^$]\*")
PYTHON_ONLY = re.compile(r"(?<!\\)\(\?[P#(]")
# What both refuse; Python's words.
CERTAIN = (
    *("nothing to repeat", "multiple repeat", "min repeat greater", "missing )", "unbalanced parenthesis"),
    *("bad character range", "bad escape (end of pattern)", "unterminated character set"),
)
TIMES = re.compile(r"\{\d+(,\d*)?\}")
ESCAPE = re.compile(r"\\(?:Q.*?(?:\\E|$)|[pPxNkg]\{[^}]*\}|.)", re.DOTALL)


def problem(expression: str) -> tuple[str, bool]:
    """Why Java may refuse it, and whether that is certain; an empty reason if nothing is known against it."""
    if found := _brackets(expression):
        return found, True
    if PYTHON_ONLY.search(expression):
        return "a (?P, (?# or (?( is Python's", True
    if JAVA_ONLY.search(expression):
        return "", False
    try:
        re.compile(expression)
    except re.error as error:  # Java takes [\w-.], which Python calls a bad range
        return error.msg, error.msg.startswith(CERTAIN) and "\\" not in error.msg
    return "", False


def _brackets(expression: str) -> str:
    """What Java alone refuses: a brace that is no number of times, and a [ within [] that is not closed."""
    depth = position = 0
    while position < len(expression):
        character = expression[position]
        if escape := ESCAPE.match(expression, position):
            position = escape.end()
            continue
        if character == "[":
            depth += 1
            # The first ] of a class stands for itself.
            position += len(re.match(r"\^?\]?", expression[position + 1 :])[0])  # type: ignore[index]
        elif character == "]" and depth:
            depth -= 1
        elif character == "{" and not depth and not TIMES.match(expression, position):
            return "a { is followed by no number of times"
        position += 1
    return "a [ is not closed" if depth else ""
