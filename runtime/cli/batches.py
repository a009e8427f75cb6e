"""The jobs of a batch: N that differ in a number, or those of a file with a job a line (JSON, CSV).

A file is read twice, as a stream: first to check every line, then to submit the jobs. So a mistake in the
last line is found before the first job is submitted.
"""

import codecs
import contextlib
import csv
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from runtime.cli.results import BadInput
from runtime.messaging.messages import (
    MAX_BODY_BYTES,
    Metadata,
    Poison,
    metadata_from_json,
    metadata_from_object,
)

# A batch id has no dot, so jobs of two batches cannot have the same id.
BATCH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
STANDARD_INPUT = ("-", "/dev/stdin")
# First bytes of files that are not UTF-8 text, and what to do. Spreadsheets are zip archives.
UNREADABLE = {
    b"\x1f\x8b": "is compressed by gzip: unpack it: gzip -dc FILE | ... --batch -",
    b"\xfd7zXZ": "is compressed by xz: unpack it: xz -dc FILE | ... --batch -",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd: unpack it: zstd -dc FILE | ... --batch -",
    b"PK\x03\x04": "is a zip archive or a spreadsheet: unpack it, or save it as CSV",
    # UTF-32 begins as UTF-16 does.
    codecs.BOM_UTF32_LE: "is UTF-32: save it as UTF-8",
    codecs.BOM_UTF16_LE: "is UTF-16: save it as UTF-8",
    codecs.BOM_UTF16_BE: "is UTF-16: save it as UTF-8",
}
# A byte that is not UTF-8, as Python puts it into text.
NOT_UTF8 = re.compile("[\udc80-\udcff]")


class BatchError(BadInput):
    """A batch that cannot be submitted; the text says which line is wrong and how."""


def job_id(batch: str, number: int) -> str:
    """The id of a batch's NUMBER-th job. It is the same each time, so a batch can be submitted again."""
    return f"{batch}.{number}"


def pairs(texts: Iterable[str], option: str = "--metadata") -> dict[str, str]:
    """The values of an option like --metadata; raises BatchError."""
    found = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise BatchError(f"{option} is {text!r}: write it as KEY=VALUE")
        found[key] = value
    return found


def counted(jobs: int, common: Mapping[str, str], counter: str | None) -> Iterator[Metadata]:
    """JOBS jobs with the same metadata, and their number as COUNTER."""
    for number in range(1, jobs + 1):
        fields = {**common, counter: str(number)} if counter else common
        yield metadata_from_object(fields)


@contextlib.contextmanager
def readable(path: Path) -> Iterator[Path]:
    """A file that can be read twice. A stream is copied, and the copy is deleted at the end."""
    if not _is_stream(path):
        yield path
        return
    with contextlib.ExitStack() as held:
        try:
            # It has no name, so it is gone however this process ends.
            copy = held.enter_context(tempfile.TemporaryFile())
            with _stream(path) as source:
                shutil.copyfileobj(source, copy)
            copy.flush()
        except OSError as error:
            raise BatchError(
                f"{called(path)} cannot be copied to a temporary file: {error}: "
                f"give it as a file, or set TMPDIR to a folder with room"
            ) from error
        yield Path(f"/proc/self/fd/{copy.fileno()}")


def called(path: Path) -> str:
    """What errors call a batch file."""
    return "standard input" if str(path) in STANDARD_INPUT else str(path)


def from_file(
    path: Path, common: Mapping[str, str], counter: str | None, *, name: str | None = None
) -> Iterator[Metadata]:
    """A job for each line that is not empty. A field of the line wins over the common metadata."""
    name = name or str(path)
    number = 0
    try:
        with open(path, "rb") as file:
            for number, (line, fields) in enumerate(_records(file, name), start=1):
                counted = {counter: str(number)} if counter else {}
                try:
                    yield metadata_from_object({**common, **counted, **fields})
                except Poison as error:
                    raise BatchError(f"{name}:{line}: {error}") from error
    except OSError as error:
        raise BatchError(f"{name} cannot be read: {error}") from error
    if not number:
        raise BatchError(f"{name} has a header and no job: give it a line for each job")


def _is_stream(path: Path) -> bool:
    """Whether it can be read only once, as standard input or a pipe. Its reader finds a missing file."""
    if str(path) in STANDARD_INPUT:
        return True
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _stream(path: Path) -> BinaryIO:
    # Standard input may be a socket, which cannot be opened by name.
    return open(0, "rb", closefd=False) if str(path) in STANDARD_INPUT else open(path, "rb")


def _records(file: BinaryIO, name: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    beginning = file.read(max(map(len, UNREADABLE)))
    for magic, fix in UNREADABLE.items():
        if beginning.startswith(magic):
            raise BatchError(f"{name} {fix}")
    if b"\0" in beginning:
        raise BatchError(f"{name} has zero bytes, as UTF-16 and binary files have: save it as UTF-8 text")
    # Some programs begin UTF-8 files with a byte order mark, which is not part of the text.
    start = len(codecs.BOM_UTF8) if beginning.startswith(codecs.BOM_UTF8) else 0
    file.seek(start)
    first = next((line for line in file if line.strip()), b"")
    file.seek(start)
    return (_json_lines if first.lstrip().startswith((b"{", b"[")) else _csv_rows)(file, name)


def _json_lines(file: BinaryIO, name: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            yield number, metadata_from_json(line, fields_once=True)
        except Poison as error:
            raise BatchError(f"{name}:{number}: {str(error).replace('the message', 'the line')}") from error


def _csv_rows(file: BinaryIO, name: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    csv.field_size_limit(MAX_BODY_BYTES)  # The limit of a value is that of its job, which is checked later.
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    rows = csv.DictReader(text, strict=True)
    try:
        while rows.fieldnames == []:  # an empty line above the header
            rows.fieldnames = None
        header = rows.fieldnames or []
        if not header:
            raise BatchError(f"{name} is empty: give it a line of JSON or CSV for each job")
        if problem := _problem(header):
            raise BatchError(f"{name}:{rows.line_num}: the header {problem}")
        for row in rows:
            if None in row or None in row.values():
                raise BatchError(
                    f"{name}:{rows.line_num}: the line has not {len(header)} columns as the header has"
                )
            if problem := _undecoded("".join(row.values())):
                raise BatchError(f"{name}:{rows.line_num}: the line {problem}")
            yield rows.line_num, row
    except csv.Error as error:
        raise BatchError(f"{name}:{rows.line_num + 1}: {error}") from error


def _problem(header: Sequence[str]) -> str | None:
    """What is wrong with a CSV file's header, and the fix."""
    if problem := _undecoded("".join(header)):
        return problem
    if len(set(header)) < len(header) or not all(header):
        return f"needs a different name for each column: {','.join(header)}"
    if len(header) == 1 and (used := next((each for each in ";\t" if each in header[0]), None)):
        return f"is one column, {header[0]!r}: separate columns by ',' instead of {used!r}"
    if blank := next((column for column in header if column != column.strip()), None):
        return f"has a column {blank!r}: take away the blanks around its name"
    return None


def _undecoded(text: str) -> str | None:
    """What is wrong with the encoding of a text, and the fix."""
    found = NOT_UTF8.search(text)
    if found is None:
        return None
    byte = ord(found[0]) - 0xDC00
    return f"is not UTF-8: it has byte 0x{byte:02x}: convert it: iconv -f ISO-8859-1 -t UTF-8 FILE"
