"""The operator's folder of results: which products are there and right, and how one gets there whole.

A product keeps its path in the archive, so files of one name from two jobs have places of their own. Beside
it is its metadata file, NAME.oodt.json: the product, its job, its metadata, and size and sha256 of its files.
A file gets its name once all of its product is here, and the metadata file comes last: what does not agree
with one is brought again.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, Self

from runtime.cli import frames
from runtime.cli.frames import Line
from runtime.cli.results import BadInput

SUFFIX = ".oodt.json"
# Of a longer name, the metadata file's has the beginning and a digest.
MOST_NAME_BYTES = 255
DIGITS = 16
# What a file system says of a name, or of what has its place; other products can still be brought.
NAME_ERRORS = (
    *(errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL),
    *(errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP),
)

Here = Literal["present", "shared", "absent"]


class Unusable(Exception):
    """A product that came and cannot be used; the text says why."""


class ResultFolder:
    """Use as a context manager: one command at a time writes to a folder."""

    def __init__(self, root: Path) -> None:
        # Names from the archive need not fit the encoding of this machine's names.
        self._root = os.fsencode(root)
        self._name = root

    def __enter__(self) -> Self:
        try:
            os.makedirs(self._root, exist_ok=True)
            self._lock = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise BadInput(f"--to is '{self._name}', which is no folder to write to: {error}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise BadInput(
                f"--to is '{self._name}', to which another oodt fetch writes now: wait for it, or use another"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    def problem(self, product: Line) -> str | None:
        """Why a product cannot have its place here; None if it can."""
        if product["problem"]:
            return str(product["problem"])
        for path in (product["place"], *(file["path"] for file in product["files"])):
            if "\0" in path or not {"", ".", ".."}.isdisjoint(path.split("/")):
                return f"{path!r} is no path inside the folder"
            if path.endswith(SUFFIX):
                return f"{path!r} ends in {SUFFIX}, as metadata files do"
        return None

    def here(self, product: Line) -> Here:
        """Whether the product is here and right, or its place is that of another one which is not older."""
        known = self._known(product["place"])
        try:
            if known is None:
                return "absent"
            if known["id"] != product["id"]:
                return "shared" if known["ended"] >= product["ended"] else "absent"
            listed = [(file["path"], file["size"], file["modified"]) for file in product["files"]]
            here = [(file["path"], file["size"], file["modified"]) for file in known["files"]]
            right = listed == here and all(self._is_right(file) for file in known["files"])
            return "present" if right else "absent"
        except (LookupError, TypeError):
            return "absent"  # somebody else has written the file

    def receive(self, product: Line, stream: IO[bytes], came: Callable[[int], None]) -> Here:
        """Read the files of a product, which comes with its metadata, and put it in its place.

        If the place is that of another one by now, the product is left out. CAME is told how many bytes each
        part has. Raises Unusable, OSError where no product can be written, BrokenOff.
        """
        with contextlib.ExitStack() as drafts:
            received = [self._received(file, stream, came, drafts) for file in product["files"]]
            if problem := next((each["problem"] for each in received if each["problem"]), None):
                raise Unusable(problem)
            if self.here(product) == "shared":
                return "shared"
            with _named_problems() as problems:
                self._place(product, received)
            if problems:
                raise Unusable(problems[0])
        return "present"

    def _received(
        self, file: Line, stream: IO[bytes], came: Callable[[int], None], drafts: contextlib.ExitStack
    ) -> dict[str, Any]:
        """Read a file into a draft beside its place; says what came, or the problem."""
        digest, size = hashlib.sha256(), 0
        with _named_problems() as problems:
            draft = drafts.enter_context(draft_beside(self._at(file["path"])))
        for content in frames.chunks(stream):
            digest.update(content)
            size += len(content)
            if not problems:
                draft.write(content)
            came(len(content))
        sent = frames.line(stream)
        problem = problems[0] if problems else sent["problem"]
        if not problem and (size, digest.hexdigest()) != (sent["size"], sent["sha256"]):
            problem = "its checksum is wrong: what came is not what was sent"
        if not problems:
            draft.close()
        facts = {key: sent[key] for key in ("size", "sha256", "modified")}
        return {"path": file["path"], **facts, "problem": problem}

    def _place(self, product: Line, received: list[dict[str, Any]]) -> None:
        for file in received:
            del file["problem"]
            path = self._at(file["path"])
            os.utime(draft_of(path), ns=(file["modified"], file["modified"]))
            os.replace(draft_of(path), path)
        content = {
            **{key: product[key] for key in ("id", "name", "type", "job", "event", "ended")},
            "files": received,
            "metadata": product["metadata"],
        }
        path = self._beside(product["place"])
        with draft_beside(path) as draft:
            draft.write(json.dumps(content, indent=1).encode() + b"\n")
            draft.close()
            os.replace(draft_of(path), path)

    def _known(self, place: str) -> Any:
        """The metadata file beside a product's place; None if none can be read there."""
        try:
            with open(self._beside(place), "rb") as file:
                return json.load(file)
        except (OSError, ValueError):
            return None

    def _is_right(self, file: Line) -> bool:
        try:
            with open(self._at(file["path"]), "rb") as content:
                if os.fstat(content.fileno()).st_size != file["size"]:
                    return False
                return bool(hashlib.file_digest(content, "sha256").hexdigest() == file["sha256"])
        except (OSError, ValueError):
            return False

    def _beside(self, place: str) -> bytes:
        folder, name = os.path.split(self._at(place))
        most = MOST_NAME_BYTES - len(SUFFIX)
        if len(name) > most:
            name = name[: most - DIGITS] + _digits(name)
        return os.path.join(folder, name + SUFFIX.encode())

    def _at(self, path: str) -> bytes:
        return os.path.join(self._root, path.encode("utf-8", "surrogateescape"))


@contextlib.contextmanager
def draft_beside(path: bytes) -> Iterator[BinaryIO]:
    """A file beside PATH, which is deleted unless it was renamed.

    Its name is the same each time: the next command takes the place of a draft that was left.
    """
    draft = draft_of(path)
    os.makedirs(os.path.dirname(draft), exist_ok=True)
    # Where others may write too, a link in its place would lead elsewhere.
    _remove(draft)
    try:
        with open(draft, "xb") as file:
            yield file
    finally:
        _remove(draft)


def draft_of(path: bytes) -> bytes:
    folder, name = os.path.split(path)
    return os.path.join(folder, b".%s.part" % _digits(name))


def _remove(draft: bytes) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft)


def _digits(name: bytes) -> bytes:
    return hashlib.sha256(name).hexdigest()[:DIGITS].encode()


@contextlib.contextmanager
def _named_problems() -> Iterator[list[str]]:
    """Takes errors that concern one name only; the list has their text."""
    problems: list[str] = []
    try:
        yield problems
    except UnicodeEncodeError as error:
        problems.append(f"its name cannot be written: {error}")
    except OSError as error:
        if error.errno not in NAME_ERRORS:
            raise
        problems.append(f"it cannot be written here: {error.strerror}")
