"""The operator's end of `oodt fetch`: asks the archive's end for what is not here yet."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from runtime import names
from runtime.cli import frames, inside
from runtime.cli.frames import BrokenOff, Line
from runtime.cli.result_folder import ResultFolder, Unusable
from runtime.cli.results import BadInput, CliError, NoBroker, SomeFailed

MODULE = "runtime.cli.archive_end"
END_SECONDS = 10.0
KEPT_PROBLEMS = 1000
ERRORS: dict[int, type[CliError]] = {each.code: each for each in (SomeFailed, BadInput, NoBroker)}


@dataclass(kw_only=True)
class Fetched:
    """What became of the products so far.

    Of all ``listed``, some are ``present`` from before, some have a place that is ``shared`` with a later
    one, and the others are ``wanted``: these are ``fetched``, or have ``failed``.
    """

    about: Line = field(default_factory=dict)
    listed: int = 0
    present: int = 0
    shared: int = 0
    wanted: int = 0
    wanted_bytes: int = 0
    fetched: int = 0
    bytes: int = 0
    failed: int = 0
    problems: list[dict[str, str]] = field(default_factory=list)

    def fail(self, product: Line, problem: str) -> None:
        self.failed += 1
        if len(self.problems) < KEPT_PROBLEMS:
            self.problems.append({"job": product["job"], "product": product["name"], "problem": problem})


def fetch(
    wanted: Mapping[str, str | None], folder: ResultFolder, fetched: Fetched, tell: Callable[[], None]
) -> None:
    """Bring the products of a job or a batch into the folder; TELL is called after each step.

    Raises NoBroker, BadInput and SomeFailed as the archive's end says, OSError.
    """
    with tempfile.TemporaryFile() as request, tempfile.TemporaryFile() as to_bring:
        request.write(_line({"do": "list", **wanted}))
        to_bring.write(_line({"do": "send"}))
        with _answer(request) as stream:
            fetched.about = _heard(stream)
            for product in _products(stream):
                _compare(product, folder, fetched, to_bring)
                tell()
        if not fetched.wanted:
            return
        with _answer(to_bring) as stream:
            for product in _products(stream):
                _receive(product, folder, fetched, stream, tell)
                tell()


def _compare(product: Line, folder: ResultFolder, fetched: Fetched, to_bring: IO[bytes]) -> None:
    """Write down a product that has to be brought."""
    fetched.listed += 1
    if problem := folder.problem(product):
        fetched.fail(product, problem)
        return
    match folder.here(product):
        case "present":
            fetched.present += 1
        case "shared":
            fetched.shared += 1
        case "absent":
            to_bring.write(_line(product))
            fetched.wanted += 1
            fetched.wanted_bytes += sum(file["size"] for file in product["files"])


def _receive(
    product: Line, folder: ResultFolder, fetched: Fetched, stream: IO[bytes], tell: Callable[[], None]
) -> None:
    def came(size: int) -> None:
        fetched.bytes += size
        tell()

    if problem := folder.problem(product):
        fetched.fail(product, problem)
        return
    try:
        if folder.receive(product, stream, came) == "shared":
            fetched.shared += 1
        else:
            fetched.fetched += 1
    except Unusable as error:
        fetched.fail(product, str(error))


def _products(stream: IO[bytes]) -> Iterator[Line]:
    while "end" not in (product := _heard(stream)):
        yield product


def _heard(stream: IO[bytes]) -> Line:
    """The next line of the archive's end; raises what it says that went wrong."""
    said = frames.line(stream)
    if "error" in said:
        raise ERRORS.get(said["code"], NoBroker)(said["error"])
    return said


@contextlib.contextmanager
def _answer(request: IO[bytes]) -> Iterator[IO[bytes]]:
    """What the archive's end answers to a request in a file.

    Raises NoBroker if the other end cannot be reached or breaks off.
    """
    request.seek(0)
    line, login = _command()
    try:
        process = subprocess.Popen(line, stdin=request, stdout=subprocess.PIPE)
    except OSError as error:
        raise inside.not_installed(line, error) from error
    assert process.stdout is not None
    try:
        stream = frames.reader(process.stdout.fileno())
        frames.greeted(stream)
        yield stream
    except BrokenOff as error:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        if login and process.returncode == inside.SSH_FAILED:
            raise inside.refusal(login) from error
        code = "" if process.returncode is None else f" with exit code {process.returncode}"
        raise NoBroker(
            f"the archive's end broke off{code}: {error}; run the same command again to go on"
        ) from error
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _command() -> tuple[list[str], list[str]]:
    """The command line that starts the archive's end, and the login in it if any; raises NoAnswer."""
    if os.environ.get(names.OODT_ARCHIVE):
        return [sys.executable, "-m", MODULE], []
    login = inside.login()
    return inside.line(MODULE, (), login=login, interactive=True), login


def _line(fields: Line) -> bytes:
    return json.dumps(fields).encode() + b"\n"
