"""Makes pika take every header value that a broker may deliver.

pika turns floats into whole numbers and times into datetimes, and breaks the connection over those that are
neither: NaN, infinity, a year after 9999. The message would come back to the next connection, for ever.
"""

from typing import Any

import pika.data

_decode_value = pika.data.decode_value
# A byte says the type; the values concerned have 4 or 8 bytes.
_SIZES = {b"f": 5, b"d": 9, b"T": 9}


def _decode_any_value(encoded: bytes, offset: int) -> tuple[Any, int]:
    try:
        decoded: tuple[Any, int] = _decode_value(encoded, offset)
    except (ValueError, OverflowError, OSError):
        size = _SIZES.get(encoded[offset : offset + 1])
        if size is None:
            raise
        return None, offset + size
    return decoded


def accept_all() -> None:
    """Before a connection is made; for all connections of this process."""
    pika.data.decode_value = _decode_any_value
