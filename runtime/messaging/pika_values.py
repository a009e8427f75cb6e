"""Makes pika take every header that a broker may deliver.

pika turns floats into integers and times into datetimes. It breaks the connection over a value that it cannot
turn: NaN, infinity, a year after 9999. It also does so over tables that are nested too deeply for Python's
stack. The broker would deliver the message to the next connection, for ever.
"""

from typing import Any

import pika.data
import pika.exceptions

_decode_value = pika.data.decode_value
_decode_table = pika.data.decode_table
# One byte for the type, and 4 or 8 for the value.
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
    """Patch pika for all connections of this process. Call it before one is made."""
    pika.data.decode_value = _decode_any_value
    pika.data.decode_table = _decode_any_table
