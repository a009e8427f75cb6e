"""Batches from a number and from files."""

import gzip
import os
import threading
from pathlib import Path

import pytest

from runtime.cli.batches import BATCH_ID, BatchError, counted, from_file, job_id, readable
from runtime.messaging.messages import MAX_VALUE_BYTES


def write(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "batch"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_counted_jobs_differ_in_the_counter() -> None:
    assert list(counted(2, {"Dataset": "abc"}, "Run")) == [
        {"Dataset": "abc", "Run": "1"},
        {"Dataset": "abc", "Run": "2"},
    ]


def test_json_lines_and_csv_give_the_same_jobs(tmp_path: Path) -> None:
    jobs = [{"Dataset": "abc", "Run": "7"}, {"Dataset": "d,e", "Run": "8"}]
    json_lines = '{"Dataset": "abc", "Run": 7}\n\n{"Dataset": "d,e", "Run": 8}\n'
    assert list(from_file(write(tmp_path, json_lines), {}, None)) == jobs
    assert list(from_file(write(tmp_path, 'Dataset,Run\nabc,7\n"d,e",8\n'), {}, None)) == jobs
    assert list(from_file(write(tmp_path, '\ufeffDataset,Run\r\nabc,7\r\n"d,e",8\r\n'), {}, None)) == jobs


@pytest.mark.parametrize("content", ['{"Run": 1}\n{"Run": 2}\n', "Run\n1\n2\n", "\nRun\n1\n2\n"])
def test_the_invisible_mark_of_utf_8_at_the_beginning_changes_nothing(tmp_path: Path, content: str) -> None:
    jobs = [{"Run": "1"}, {"Run": "2"}]
    assert list(from_file(write(tmp_path, content), {}, None)) == jobs
    assert list(from_file(write(tmp_path, "\ufeff" + content), {}, None)) == jobs


def test_a_line_wins_over_the_common_metadata_and_over_the_counter(tmp_path: Path) -> None:
    path = write(tmp_path, '{"Run": "given"}\n{"Project": "2"}\n')
    assert list(from_file(path, {"Project": "1"}, "Run")) == [
        {"Project": "1", "Run": "given"},
        {"Project": "2", "Run": "2"},
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"Run": 1}\n{"Run": \n', "batch:2: the line is not JSON"),
        ('{"Run": 1}\n\n[1]\n', "batch:3: the line is a JSON array"),
        ('{"Run": {"a": 1}}\n', "batch:1: metadata field Run holds a JSON object"),
        ('{"Run": 1}\n{"Run": 1, "Dataset": "a", "Run": 2}\n', "batch:2: metadata field Run is there twice"),
        (b'{"Run": "\xff"}\n', "batch:1: the line is not UTF-8"),
        (b"Run\n\xff\n", "batch:2: the line is not UTF-8: it has byte 0xff"),
        (b'{"Run": 1}\n{"Run": "\xff"}\n', "batch:2: the line is not UTF-8"),
        ("Dataset,Run\nabc\n", "batch:2: the line has not 2 columns"),
        ("Dataset,Run\nabc,1,2\n", "batch:2: the line has not 2 columns"),
        ("Run,Run\n1,2\n", "batch:1: the header needs a different name"),
        ("", "batch is empty"),
        ("\n \n", "batch:2: the header has a column ' '"),
        ("Dataset,Run\n", "batch has a header and no job: give it a line for each job"),
        ("Dataset;Run\na;1\n", "batch:1: the header is one column, 'Dataset;Run': separate columns by ','"),
        ("Dataset\tRun\na\t1\n", "the header is one column, .* separate columns by ',' instead of '.t'"),
        ("Dataset, Run\na,1\n", "batch:1: the header has a column ' Run': take away the blanks"),
        (gzip.compress(b"Run\n1\n"), "batch is compressed by gzip: unpack it: gzip -dc FILE"),
        (b"PK\x03\x04rest", "batch is a zip archive or a spreadsheet: unpack it, or save it as CSV"),
        ("Run\n1\n".encode("utf-16"), "batch is UTF-16: save it as UTF-8"),
        ("Run\n1\n".encode("utf-32"), "batch is UTF-32: save it as UTF-8"),
        ("Run\n1\n".encode("utf-16-le"), "batch has zero bytes, as UTF-16 and binary files have"),
        ("Run,Site\n1,a\n2,Köln\n".encode("latin-1"), "batch:3: the line is not UTF-8: it has byte 0xf6"),
        ("Run,Größe\n1,a\n".encode("latin-1"), "batch:1: the header is not UTF-8: it has byte 0xf6"),
        ("Dataset,Run\nabc,\x01\n", "batch:2: metadata field Run holds a character"),
    ],
)
def test_a_mistake_is_told_by_its_line(tmp_path: Path, content: str | bytes, complaint: str) -> None:
    with pytest.raises(BatchError, match=complaint):
        list(from_file(write(tmp_path, content), {}, None))


def test_a_csv_field_may_be_as_long_as_a_value_of_a_job(tmp_path: Path) -> None:
    longest = "x" * MAX_VALUE_BYTES
    assert list(from_file(write(tmp_path, f"Run,Mask\n1,{longest}\n"), {}, None)) == [
        {"Run": "1", "Mask": longest}
    ]
    with pytest.raises(BatchError, match=rf"batch:2: metadata field Mask has {MAX_VALUE_BYTES + 1} bytes"):
        list(from_file(write(tmp_path, f"Run,Mask\n1,{longest}x\n"), {}, None))


def test_a_file_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="nowhere cannot be read"):
        list(from_file(tmp_path / "nowhere", {}, None))


def test_a_file_that_goes_away_while_it_is_read_again_is_told_by_its_name(tmp_path: Path) -> None:
    path = write(tmp_path, "Run\n1\n")
    jobs = from_file(path, {}, None)
    path.unlink()
    with pytest.raises(BatchError, match="batch cannot be read"):
        list(jobs)


def test_a_pipe_can_be_read_twice_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe, kept = tmp_path / "pipe", tmp_path / "kept"
    os.mkfifo(pipe)
    kept.mkdir()
    monkeypatch.setenv("TMPDIR", str(kept))
    monkeypatch.setattr("tempfile.tempdir", None)
    content = "Run\n" + "".join(f"{number}\n" for number in range(5000))
    threading.Thread(target=pipe.write_text, args=(content,), daemon=True).start()
    with readable(pipe) as path:
        assert [len(list(from_file(path, {}, None))) for _ in range(2)] == [5000, 5000]
        assert list(kept.iterdir()) == []
    assert not path.exists()


def test_a_file_is_read_where_it_is(tmp_path: Path) -> None:
    path = write(tmp_path, "Run\n1\n")
    with readable(path) as same:
        assert same == path


def test_a_batch_is_read_as_a_stream(tmp_path: Path) -> None:
    path = write(tmp_path, '{"Run": 1}\n' * 1000 + "nonsense\n")
    jobs = from_file(path, {}, None)
    assert [next(jobs) for _ in range(1000)] == [{"Run": "1"}] * 1000
    with pytest.raises(BatchError, match="batch:1001"):
        next(jobs)


def test_jobs_of_different_batches_never_have_the_same_id() -> None:
    assert job_id("b", 1) == "b.1"
    assert not BATCH_ID.fullmatch("b.1")
