"""The archive's end of `oodt fetch`: lists the products of jobs that succeeded, and sends them.

It runs where the share is, with a pipe to the operator's end. The first line on standard input says what to
do; products to send follow it, each as it was listed.
"""

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path, PurePath
from stat import S_ISDIR, S_ISREG
from typing import Any, BinaryIO

from runtime import names
from runtime.cli.cleaning import below
from runtime.cli.frames import CHUNK_BYTES, GREETING, BrokenOff, Line, Writer
from runtime.cli.results import BAD_INPUT, DONE, NO_BROKER, CliError
from runtime.cli.status_client import StatusClient, status_client
from runtime.environment import SettingError, address
from runtime.oodt import xml_rpc
from runtime.oodt.file_manager import FileManager, place_of
from runtime.records.nofollow import NoFollowFolder

PAGE_JOBS = 1000
# So many products' metadata are asked for at once.
ASKED_AT_ONCE = 16


def listed(client: StatusClient, archive: Path, wanted: Mapping[str, str | None]) -> Iterator[Line]:
    """What became of the job or the batch, then each product of it; raises Refused, NoStatus."""
    job, batch, event = (wanted[key] for key in ("job", "batch", "event"))
    if job is not None:
        found = client.find(job, event)
        about = {"states": {found["state"]: 1}, "waiting": 0, "reason": found.get("reason")}
        jobs: Iterable[dict[str, Any]] = [found] if found["state"] == "SUCCEEDED" else []
    else:
        found = client.batch(str(batch), event)
        about = {"states": found["states"], "waiting": found["waiting"], "reason": None}
        jobs = _succeeded(client, batch=found["batch"], event=found["event"])
    yield {"event": found["event"], **about}
    with NoFollowFolder(archive) as folder:
        for each in jobs:
            for product in each["products"]:
                yield {
                    **{key: product[key] for key in ("id", "name", "type")},
                    **{key: each[key] for key in ("job", "event", "ended")},
                    **_files(folder, product.get("archived") or ()),
                }


def _succeeded(client: StatusClient, **of: str) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while page := client.jobs(limit=PAGE_JOBS, before=before, state="SUCCEEDED", **of):
        yield from page
        before = page[-1]["number"]


def _files(archive: NoFollowFolder, archived: Iterable[str]) -> dict[str, Any]:
    """A product's files and the ``place`` of the first, by their paths in the archive, or the ``problem``."""
    places: list[str] = []
    files: list[dict[str, Any]] = []
    problem = None
    for file in map(place_of, archived):
        path = below(file, archive)
        if path is None:
            problem = f"{file} is not in the archive"
            continue
        place, about = str(path), archive.about(path)
        if about is None:
            problem = f"{place} is not in the archive any more"
        elif place in places:
            continue
        elif S_ISREG(about.st_mode):
            files.append({"path": place, "size": about.st_size, "modified": about.st_mtime_ns})
            places.append(place)
        elif S_ISDIR(about.st_mode):
            # OODT lists a folder and the files in it.
            places.append(place)
        else:
            problem = f"{place} is neither a file nor a folder"
    return {
        "place": places[0] if places else "",
        "files": files,
        "problem": problem if files or problem else "it has no file in the archive",
    }


async def send(
    writer: Writer, archive: NoFollowFolder, file_manager: FileManager, products: Iterator[Line]
) -> None:
    """Send each product: what was listed and its metadata in a line, then its files.

    Raises as FileManager, BrokenOff.
    """
    async for product, metadata in _with_metadata(file_manager, products):
        if metadata is None:
            writer.line({**product, "problem": "it is not in the catalogue any more"})
            continue
        writer.line({**product, "metadata": metadata})
        for file in product["files"]:
            writer.line(_send_file(writer, archive, PurePath(file["path"])))


async def _with_metadata(
    file_manager: FileManager, products: Iterator[Line]
) -> AsyncIterator[tuple[Line, Line | None]]:
    while some := list(islice(products, ASKED_AT_ONCE)):
        found = await asyncio.gather(*(file_manager.metadata(each["id"]) for each in some))
        for product, metadata in zip(some, found, strict=True):
            yield product, metadata


def _send_file(writer: Writer, archive: NoFollowFolder, path: PurePath) -> Line:
    """Send a file in chunks; returns what was sent, or the problem."""
    digest, size, problem, modified = hashlib.sha256(), 0, None, 0
    try:
        with archive.open(path) as file:
            before = os.fstat(file.fileno())
            while content := file.read(CHUNK_BYTES):
                digest.update(content)
                size += len(content)
                writer.chunk(content)
            after = os.fstat(file.fileno())
            modified = after.st_mtime_ns
            if (before.st_mtime_ns, before.st_size) != (modified, size):
                problem = "it was changed while it was read"
    except (OSError, ValueError) as error:
        problem = str(error)
    writer.chunk(b"")
    return {"size": size, "sha256": digest.hexdigest(), "modified": modified, "problem": problem}


def _answered(writer: Writer) -> Line:
    """Answer the request; returns the last line."""
    try:
        _answer(writer, sys.stdin.buffer)
    except CliError as error:
        return {"error": str(error), "code": error.code}
    except SettingError as error:
        return {"error": str(error), "code": BAD_INPUT}
    except (OSError, ValueError, xml_rpc.Fault) as error:
        return {"error": str(error), "code": NO_BROKER}
    return {"end": True}


def _answer(writer: Writer, lines: BinaryIO) -> None:
    request = json.loads(lines.readline())
    archive = Path(os.environ[names.OODT_ARCHIVE])
    if request["do"] == "list":
        for fields in listed(status_client(), archive, request):
            writer.line(fields)
        return
    name = names.PROXIED_FILEMGR_URL if os.environ.get(names.PROXIED_FILEMGR_URL) else names.FILEMGR_URL
    url = address(os.environ, name, default=names.DEFAULT_FILEMGR_URL, schemes=("http", "https"))

    async def work() -> None:
        async with xml_rpc.session() as session:
            with NoFollowFolder(archive) as folder:
                await send(writer, folder, FileManager(session, url), map(json.loads, lines))

    asyncio.run(work())


def main() -> int:
    """Answer one request; an error is told to the other end with its exit code."""
    writer = Writer(sys.stdout.fileno())
    try:
        writer.line(GREETING)
        writer.line(_answered(writer))
    except BrokenOff:
        return NO_BROKER  # the other end is gone, and nobody reads this
    return DONE


if __name__ == "__main__":
    sys.exit(main())
