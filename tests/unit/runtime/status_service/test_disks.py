"""Disks are told of as long as they answer."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from runtime.status_service import disks
from runtime.status_service.disks import Disks


def test_a_folder_tells_how_full_its_disk_is(tmp_path: Path) -> None:
    [disk] = asyncio.run(Disks({"share": tmp_path, "gone": tmp_path / "gone"}).look())
    assert disk.place == "share" and 0 <= disk.free <= disk.size


def test_a_share_that_does_not_answer_holds_nobody_up_and_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, asked = threading.Event(), []
    real = os.statvfs

    def statvfs(folder: Path) -> object:
        asked.append(folder)
        if folder.name == "hangs":
            answers.wait(10)
        return real(tmp_path)

    async def story() -> None:
        looked = Disks({"share": tmp_path / "hangs", "history": tmp_path})
        for _ in range(3):
            assert [disk.place for disk in await looked.look()] == ["history"]
        assert asked.count(tmp_path / "hangs") == 1
        answers.set()
        assert len(await looked.look()) == 2

    monkeypatch.setattr(os, "statvfs", statvfs)
    monkeypatch.setattr(disks, "ANSWER_SECONDS", 0.2)
    asyncio.run(story())


def test_a_disk_that_answered_is_asked_again(tmp_path: Path) -> None:
    async def story() -> None:
        looked = Disks({"share": tmp_path / "later"})
        assert await looked.look() == []
        (tmp_path / "later").mkdir()
        assert len(await looked.look()) == 1

    asyncio.run(story())
