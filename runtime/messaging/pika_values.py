"""Makes pika take every header that a broker may deliver.

pika turns floats into whole numbers and times into datetimes, and breaks the connection over those that are
neither: NaN, infinity, a year after 9999. It does so too over tables nested so deeply that Python's stack
ends. The message would come back to the next connection, for ever.
"""

from typing import Any

import pika.data
import pika.exceptions

_decode_value = pika.data.decode_value
_decode_table = pika.data.decode_table
# A byte says the type; the values concerned have 4 or 8 bytes.
_SIZES = {b"f": 5, b"d": 9, b"T": 9}
_ARRAY = b"A"


def _decode_any_value(encoded: bytes, offset: int) -> tuple[Any, int]:
    try:
        decoded: tuple[Any, int] = _decode_value(encoded, offset)
    except (ValueError, OverflowError, OSError, RecursionError):
        kind = encoded[offset : offset + 1]
        if kind == _ARRAY:
            return None, _end(encoded, offset + 1)
        if kind not in _SIZES:
            raise
        return None, offset + _SIZES[kind]
    return decoded


def _decode_any_table(encoded: bytes, offset: int) -> tuple[dict[str | bytes, Any], int]:
    try:
        decoded: tuple[dict[str | bytes, Any], int] = _decode_table(encoded, offset)
    except (ValueError, RecursionError, pika.exceptions.AMQPError):
        return {}, _end(encoded, offset)
    return decoded


def _end(encoded: bytes, offset: int) -> int:
    """Where a table or an array ends; it begins with its length."""
    return offset + 4 + int.from_bytes(encoded[offset : offset + 4], "big")


def accept_all() -> None:
    """Before a connection is made; for all connections of this process."""
    pika.data.decode_value = _decode_any_value
    pika.data.decode_table = _decode_any_table
