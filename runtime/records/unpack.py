"""Unpacks full logs of programs, part by part: of a log that is huge, no more than a part is in memory."""

import zlib
from collections.abc import Iterator

UNPACKED_BYTES = 1024 * 1024
GZIP = 31  # zlib's number for this form


class Unpack:
    """A log may hold the output of several programs, each packed for itself. What broke off is left out."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=GZIP)

    def feed(self, packed: bytes) -> Iterator[bytes]:
        while packed:
            try:
                yield self._zlib.decompress(packed, UNPACKED_BYTES)
            except zlib.error:
                return
            packed = self._zlib.unconsumed_tail
            if self._zlib.eof:
                packed, self._zlib = self._zlib.unused_data, zlib.decompressobj(wbits=GZIP)
