"""Shortens logs and reasons so that they may leave a container: bounded, readable, without passwords."""

import re

from runtime.messaging.screen import shown

LOG_BYTES = 4096
# RabbitMQ's smallest frame has 4 KiB, and all headers of a message must fit into one.
HEADER_BYTES = 1024
REASON_BYTES = 1000

UNREADABLE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LOGIN = re.compile(r"(?<=://)[^\s/:@]*:[^\s/@]+@")


def excerpt(text: str, limit: int = LOG_BYTES) -> str:
    """The end of TEXT, from the beginning of a line if there is one, in at most LIMIT bytes of UTF-8."""
    whole = readable(shown(text)).strip()
    content = whole.encode()
    if len(content) <= limit:
        return whole
    cut = content[-limit:].decode(errors="ignore")
    _, newline, lines = cut.partition("\n")
    return lines if newline and lines else cut


def readable(text: str) -> str:
    """TEXT without what no terminal shows, and without logins."""
    return without_logins(UNREADABLE.sub("", text))


def without_logins(text: str) -> str:
    """TEXT without the names and passwords in its URLs."""
    return LOGIN.sub("...@", text)


def headline(text: str) -> str:
    """The beginning of TEXT, in at most REASON_BYTES of UTF-8."""
    content = text.encode()
    return (
        text if len(content) <= REASON_BYTES else content[: REASON_BYTES - 3].decode(errors="ignore") + "..."
    )
