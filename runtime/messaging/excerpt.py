"""Shortens logs and reasons so that they may leave a container: bounded, readable, without passwords."""

import re

LOG_BYTES = 4096
# RabbitMQ's smallest frame has 4 KiB, and all headers of a message must fit into one.
HEADER_BYTES = 1024
REASON_BYTES = 1000

UNREADABLE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Control sequences of terminals (ECMA-48): colours and cursor moves; titles and links, up to BEL or ST.
SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]" r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\)" r"|\x1b[ -/]*[0-~]", re.DOTALL
)
LOGIN = re.compile(r"(?<=://)[^\s/:@]*:[^\s/@]+@")


def excerpt(text: str, limit: int = LOG_BYTES) -> str:
    """The end of TEXT, from the beginning of a line if there is one, in at most LIMIT bytes of UTF-8."""
    shown = "\n".join(map(_as_shown, SEQUENCES.sub("", text).split("\n")))
    readable = LOGIN.sub("...@", UNREADABLE.sub("", shown)).strip()
    content = readable.encode()
    if len(content) <= limit:
        return readable
    cut = content[-limit:].decode(errors="ignore")
    _, newline, lines = cut.partition("\n")
    return lines if newline and lines else cut


def _as_shown(line: str) -> str:
    """What a terminal ends up showing of a line: after a carriage return it writes over what is there."""
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown


def headline(text: str) -> str:
    """The beginning of TEXT, in at most REASON_BYTES of UTF-8."""
    content = text.encode()
    return (
        text if len(content) <= REASON_BYTES else content[: REASON_BYTES - 3].decode(errors="ignore") + "..."
    )
