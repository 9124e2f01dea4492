"""The file of results, whatever part of it reached the disk."""

from pathlib import Path

import pytest

from accounts.management import result_file
from accounts.management.result_file import CHANGED, FAILED


def write(path: Path) -> None:
    with result_file.opened(path) as results:
        for name, state in (("ann", CHANGED), ("username", FAILED), ("a,b", CHANGED)):
            results.password_of(name, f"password-of-{name}")
            results.mark(name, state)


def test_result_file_is_private_and_round_trips(tmp_path: Path) -> None:
    path = tmp_path / "results"
    write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with result_file.opened(path) as results:
        assert [results.is_set(name) for name in ("ann", "username", "a,b", "nobody")] == [True, False, True, False]


def test_interrupted_batch_resumes_with_all_passwords(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    write(whole)
    content = whole.read_bytes()
    for length in range(len(content) + 1):
        cut.write_bytes(content[:length])
        cut.chmod(0o600)
        with result_file.opened(cut) as results:
            kept = results.password_of("ann", "another")
            results.mark("ann", CHANGED)
        assert kept == ("password-of-ann" if b"changed\n" in content[:length] else "another"), content[:length]
        with result_file.opened(cut) as results:
            assert results.is_set("ann")
            assert results.password_of("ann", "a third") == kept


def test_two_runs_do_not_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "results"
    with result_file.opened(path), pytest.raises(result_file.ResultFileError, match="Another run"), result_file.opened(path):
        pytest.fail("it is open")


def test_invalid_line_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "results")
    with (tmp_path / "results").open("a") as stream:
        stream.write("mine\n")
    with pytest.raises(result_file.ResultFileError, match="invalid line"), result_file.opened(tmp_path / "results"):
        pytest.fail("it is open")
