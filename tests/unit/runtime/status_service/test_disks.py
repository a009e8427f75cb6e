"""Disks are told of as long as they answer."""

import asyncio
import os
import threading
from pathlib import Path
from typing import cast

import pytest

from runtime.oodt import xml_rpc
from runtime.oodt.file_manager import FileManager
from runtime.status_service import question
from runtime.status_service.disks import Disk, Disks, DisksNow


def test_a_folder_tells_how_full_its_disk_is(tmp_path: Path) -> None:
    found = asyncio.run(Disks({"share": tmp_path, "gone": tmp_path / "gone"}).look())
    (disk,) = found.told
    assert found.silent == ["gone"]
    assert disk.place == "share" and 0 <= disk.free <= disk.size


def test_a_share_that_does_not_answer_holds_nobody_up_and_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, asked = threading.Event(), []
    real = os.statvfs

    def statvfs(folder: Path) -> object:
        asked.append(folder)
        if folder.name == "hangs":
            answers.wait(60)
        return real(tmp_path)

    async def story() -> None:
        looked = Disks({"share": tmp_path / "hangs", "history": tmp_path})
        for _ in range(2):
            found = await looked.look()
            assert ([disk.place for disk in found.told], found.silent) == (["history"], ["share"])
        assert asked.count(tmp_path / "hangs") == 1
        answers.set()
        monkeypatch.setattr(question, "ANSWER_SECONDS", 60)
        assert len((await looked.look()).told) == 2

    monkeypatch.setattr(os, "statvfs", statvfs)
    monkeypatch.setattr(question, "ANSWER_SECONDS", 2)
    asyncio.run(story())


def test_a_disk_that_answered_is_asked_again(tmp_path: Path) -> None:
    async def story() -> None:
        looked = Disks({"share": tmp_path / "later"})
        assert await looked.look() == DisksNow(told=[], silent=["share"])
        (tmp_path / "later").mkdir()
        assert len((await looked.look()).told) == 1

    asyncio.run(story())


class Catalogue:
    """A File Manager that answers to the question about its disk with these, one after the other."""

    def __init__(self, *answers: tuple[int, int] | Exception | None) -> None:
        self._answers = list(answers)

    async def disk(self) -> tuple[int, int] | None:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_file_manager_tells_of_the_disk_of_its_catalogue_if_it_can(tmp_path: Path) -> None:
    answers = ((100, 3), None, xml_rpc.Fault(0, "it starts"), xml_rpc.Unreachable("no answer"), (100, 50))

    async def story() -> list[DisksNow]:
        looked = Disks({}, cast(FileManager, Catalogue(*answers)))
        return [await looked.look() for _ in answers]

    silent = DisksNow(told=[], silent=["catalogue"])
    assert asyncio.run(story()) == [
        DisksNow(told=[Disk(place="catalogue", size=100, free=3)], silent=[]),
        *(DisksNow(told=[], silent=[]), silent, silent),
        DisksNow(told=[Disk(place="catalogue", size=100, free=50)], silent=[]),
    ]


def test_nothing_is_missing_where_no_file_manager_is_to_be_asked(tmp_path: Path) -> None:
    assert asyncio.run(Disks({"share": tmp_path}).look()).silent == []
