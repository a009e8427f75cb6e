"""Where a batch's jobs come from: a number of them, or a file with one a line (JSON, or CSV with a header).

Files are read as a stream, twice: first to check every line, so that a mistake in the last one is found
before the first job is submitted, then to submit.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from runtime.messages import Metadata, Poison, metadata_from_json, metadata_from_object

# A batch id has no dot, so that of two batches none can have jobs of the same id.
BATCH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


class BatchError(ValueError):
    """A batch that cannot be submitted; the text says which line is wrong and how."""


def job_id(batch: str, number: int) -> str:
    """The id of a batch's NUMBER-th job, the same each time: to submit a batch again does no job twice."""
    return f"{batch}.{number}"


def counted(jobs: int, common: Mapping[str, str], counter: str | None) -> Iterator[Metadata]:
    """JOBS jobs with the same metadata, and their number as COUNTER."""
    for number in range(1, jobs + 1):
        fields = {**common, counter: str(number)} if counter else common
        yield metadata_from_object(fields)


def from_file(path: Path, common: Mapping[str, str], counter: str | None) -> Iterator[Metadata]:
    """A job for each line of the file that is not empty; what a line says wins over the common metadata."""
    for number, (line, fields) in enumerate(_records(path), start=1):
        counted = {counter: str(number)} if counter else {}
        try:
            yield metadata_from_object({**common, **counted, **fields})
        except Poison as error:
            raise BatchError(f"{path}:{line}: {error}") from error


def _records(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        with open(path, "rb") as file:
            first = next((line for line in file if line.strip()), b"")
        return _json_lines(path) if first.lstrip().startswith((b"{", b"[")) else _csv_rows(path)
    except OSError as error:
        raise BatchError(f"{path} cannot be read: {error}") from error


def _json_lines(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield number, metadata_from_json(line, fields_once=True)
            except Poison as error:
                raise BatchError(
                    f"{path}:{number}: {str(error).replace('the message', 'the line')}"
                ) from error


def _csv_rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    # What is not UTF-8 is kept apart, to be refused with the line that it is in.
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        try:
            header = rows.fieldnames or []
            if not header:
                raise BatchError(f"{path} is empty: give it a line of JSON or CSV for each job")
            if len(set(header)) < len(header) or not all(header):
                raise BatchError(
                    f"{path}:1: the header needs a different name for each column: {','.join(header)}"
                )
            for row in rows:
                if None in row or None in row.values():
                    raise BatchError(
                        f"{path}:{rows.line_num}: the line has not {len(header)} columns as the header has"
                    )
                yield rows.line_num, row
        except csv.Error as error:
            raise BatchError(f"{path}:{rows.line_num + 1}: {error}") from error
