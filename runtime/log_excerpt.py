"""The last of a log, as it may leave its container: bounded, readable, without passwords."""

import re

LOG_BYTES = 4096
# RabbitMQ's smallest frame has 4 KiB, and all headers of a message must fit into one.
HEADER_BYTES = 1024

UNREADABLE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LOGIN = re.compile(r"(?<=://)[^\s/:@]*:[^\s/@]+@")


def excerpt(text: str, limit: int = LOG_BYTES) -> str:
    """The end of TEXT, from the beginning of a line if there is one, in at most LIMIT bytes of UTF-8."""
    readable = LOGIN.sub("...@", UNREADABLE.sub("", text.replace("\r\n", "\n"))).strip()
    content = readable.encode()
    if len(content) <= limit:
        return readable
    cut = content[-limit:].decode(errors="ignore")
    _, newline, lines = cut.partition("\n")
    return lines if newline and lines else cut
