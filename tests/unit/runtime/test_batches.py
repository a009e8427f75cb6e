"""Batches from a number and from files."""

from pathlib import Path

import pytest

from runtime.batches import BATCH_ID, BatchError, counted, from_file, job_id


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
        (b"Run\n\xff\n", "batch:2: metadata field Run holds a character"),
        (b'{"Run": 1}\n{"Run": "\xff"}\n', "batch:2: the line is not UTF-8"),
        ("Dataset,Run\nabc\n", "batch:2: the line has not 2 columns"),
        ("Dataset,Run\nabc,1,2\n", "batch:2: the line has not 2 columns"),
        ("Run,Run\n1,2\n", "batch:1: the header needs a different name"),
        ("", "batch is empty"),
        ("Dataset,Run\nabc,\x01\n", "batch:2: metadata field Run holds a character"),
    ],
)
def test_a_mistake_is_told_by_its_line(tmp_path: Path, content: str | bytes, complaint: str) -> None:
    with pytest.raises(BatchError, match=complaint):
        list(from_file(write(tmp_path, content), {}, None))


def test_a_file_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="nowhere cannot be read"):
        list(from_file(tmp_path / "nowhere", {}, None))


def test_a_batch_is_read_as_a_stream(tmp_path: Path) -> None:
    path = write(tmp_path, '{"Run": 1}\n' * 1000 + "nonsense\n")
    jobs = from_file(path, {}, None)
    assert [next(jobs) for _ in range(1000)] == [{"Run": "1"}] * 1000
    with pytest.raises(BatchError, match="batch:1001"):
        next(jobs)


def test_jobs_of_different_batches_never_have_the_same_id() -> None:
    assert job_id("b", 1) == "b.1"
    assert not BATCH_ID.fullmatch("b.1")
