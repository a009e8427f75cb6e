"""What the two ends of `oodt fetch` say to each other: JSON objects, one a line, and files in chunks.

JSON in ASCII carries any name, with line breaks and with bytes that are not UTF-8. Each chunk has its length
before it, and an empty one ends the file, because a file may be shorter by now than it was listed.
"""

import io
import json
import os
import select
import struct
from collections.abc import Iterator, Mapping
from typing import IO, Any

Line = Mapping[str, Any]

# The first line. A login may print lines of its own before it.
GREETING = {"speaks": "oodt-fetch 1"}
GREETING_WITHIN = 100
CHUNK_BYTES = 256 * 1024
# A metadata value may have 512 KiB, and a product may have many.
MOST_LINE_BYTES = 256 * 1024 * 1024
# A disk or a network that hangs, or a reader that is gone, must not keep a process waiting for ever.
QUIET_SECONDS = 600.0
LENGTH = struct.Struct(">I")


class BrokenOff(Exception):
    """The other end is gone, or says what cannot be understood."""


class Writer:
    """Writes to a pipe; raises BrokenOff if the reader is gone, or reads nothing for QUIET_SECONDS."""

    def __init__(self, handle: int) -> None:
        os.set_blocking(handle, False)
        self._handle = handle

    def line(self, fields: Line) -> None:
        self._write(json.dumps(fields).encode() + b"\n")

    def chunk(self, content: bytes) -> None:
        """A part of a file; an empty one is its end."""
        self._write(LENGTH.pack(len(content)) + content)

    def _write(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            if not select.select([], [self._handle], [], QUIET_SECONDS)[1]:
                raise BrokenOff(f"nobody has read for {QUIET_SECONDS:g} s")
            try:
                left = left[os.write(self._handle, left) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise BrokenOff(f"nobody reads any more: {error}") from error


class _Pipe(io.RawIOBase):
    def __init__(self, handle: int) -> None:
        self._handle = handle

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not select.select([self._handle], [], [], QUIET_SECONDS)[0]:
            raise BrokenOff(f"nothing has come for {QUIET_SECONDS:g} s")
        return os.readv(self._handle, [buffer])


def reader(handle: int) -> IO[bytes]:
    """Reads from a pipe; raises BrokenOff if nothing comes for QUIET_SECONDS."""
    return io.BufferedReader(_Pipe(handle))


def greeted(stream: IO[bytes]) -> None:
    """Read up to the greeting; raises BrokenOff."""
    for _ in range(GREETING_WITHIN):
        text = stream.readline(MOST_LINE_BYTES)
        if text == json.dumps(GREETING).encode() + b"\n":
            return
        if not text:
            break
    raise BrokenOff("no greeting came; if the cluster is older than this command, type `pulumi up` first")


def line(stream: IO[bytes]) -> Line:
    """The next object; raises BrokenOff."""
    text = stream.readline(MOST_LINE_BYTES)
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not text.endswith(b"\n") or not isinstance(fields, dict):
        raise BrokenOff(f"a line ended early: {text[:80]!r}" if text else "no line came")
    return fields


def chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """The chunks of a file to its end; raises BrokenOff."""
    while length := LENGTH.unpack(_exactly(stream, LENGTH.size))[0]:
        yield _exactly(stream, length)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise BrokenOff("a file ended early")
    return content
