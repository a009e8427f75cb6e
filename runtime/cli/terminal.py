"""What commands write to a terminal, a file or a pipe: in any encoding, and also if the reader goes away."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO


def escape_what_cannot_be_shown() -> None:
    """From now on, characters that stdout's or stderr's encoding lacks are written as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def tell(line: str) -> None:
    """Write a line to stderr. Nobody needs to read it."""
    with output(sys.stderr):
        print(line, file=sys.stderr)


@contextlib.contextmanager
def output(stream: TextIO | None) -> Iterator[None]:
    """Around what prints there: a reader that has seen enough, as ``head`` has, changes no exit code."""
    try:
        yield
        if stream is not None:  # the shell can close it
            stream.flush()
    except BrokenPipeError:
        silence(stream)


def silence(*streams: TextIO | None) -> None:
    """Discard what is still in the buffers: Python writes it when it ends, and would complain then."""
    for stream in filter(None, streams):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
