"""The Pulumi CLI: a downloaded release, and a Go that is recent enough."""

import io
import tarfile
from pathlib import Path

import pytest

from testing.full_disk import full_disk
from toolchain import go, pulumi_cli


def release(folder: Path, *names: str) -> str:
    """A release as the vendor packs it; returns its address."""
    with tarfile.open(folder / "release.tar.gz", "w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(f"pulumi/{name}")
            content = b"#!/bin/sh\necho v3.272.0\n"
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    return (folder / "release.tar.gz").as_uri()


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def test_a_release_is_unpacked_and_runs(tmp_path: Path, destination: Path) -> None:
    pulumi_cli.download(release(tmp_path, "pulumi", "pulumi-language-python"), destination)
    assert sorted(path.name for path in destination.iterdir()) == ["pulumi", "pulumi-language-python"]
    assert pulumi_cli.version(destination / "pulumi") == "3.272.0"


def test_a_full_disk_leaves_the_programs_that_were_there(tmp_path: Path, destination: Path) -> None:
    pulumi_cli.download(release(tmp_path, "pulumi", "pulumi-language-python"), destination)
    with full_disk():
        pulumi_cli.write_script(destination / "pulumi-language-python", pulumi_cli.LANGUAGE_HOST)
    assert (destination / "pulumi-language-python").read_text() == "#!/bin/sh\necho v3.272.0\n"


def test_a_program_that_is_unpacked_in_part_does_not_have_its_name(
    tmp_path: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_release: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, **_: object) -> None:
        (folder / member.name).write_text("#!/bin/")
        raise KeyboardInterrupt

    monkeypatch.setattr(tarfile.TarFile, "extract", half)
    with pytest.raises(KeyboardInterrupt):
        pulumi_cli.download(release(tmp_path, "pulumi"), destination)
    assert not (destination / "pulumi").exists()


def test_a_release_that_cannot_be_had_leaves_nothing(tmp_path: Path, destination: Path) -> None:
    with pytest.raises(OSError):
        pulumi_cli.download((tmp_path / "nowhere.tar.gz").as_uri(), destination)
    assert list(destination.iterdir()) == []


def test_a_program_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    assert pulumi_cli.version(tmp_path / "pulumi") is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("go1.26.8\n", (1, 26, 8)), ("go1.25\n", (1, 25)), ("devel +abc\n", ())],
)
def test_go_tells_its_version(answer: str, expected: tuple[int, ...]) -> None:
    assert go.version(answer) == expected
