"""Commands whose output can't be written, or isn't read to its end: with full files and closed pipes."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.management import result_file
from usermgmt import env_file

HELP = ["manage.py", "reset_password", "--help"]


def run(arguments: list[str], stdout: int | IO[Any], **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "ELASTICSEARCH_HOSTS": "https://127.0.0.1:1",
        "SECRET_KEY": "k" * 50,
        "ENV_FILE": os.devnull,
        **variables,
    }
    command = [sys.executable, *arguments]
    return subprocess.run(
        command,
        cwd=settings.BASE_DIR,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_a_full_disk_ends_a_command_in_words() -> None:
    with Path("/dev/full").open("w") as full:
        ended = run(HELP, full)

    assert (ended.returncode, ended.stderr) == (os.EX_IOERR, "Couldn't write: No space left on device\n")


def test_a_closed_pipe_ends_a_command_in_silence() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    ended = run(HELP, write_end)
    os.close(write_end)

    assert (ended.returncode, ended.stderr) == (128 + signal.SIGPIPE, "")


def test_a_locale_without_a_character_gets_its_code() -> None:
    program = "from usermgmt.cli import ending_in_words\nwith ending_in_words(): print('\\u2170')"
    ended = run(["-c", program], subprocess.PIPE, PYTHONIOENCODING="ascii")

    assert (ended.stdout, ended.stderr) == ("\\u2170\n", "")


@pytest.mark.parametrize(("name", "value"), [("ELASTICSEARCH_PASSWORD", "secret\udcff"), ("ELASTICSEARCH_USERNAME", "a\udcff")])
def test_credentials_that_are_not_utf_8_end_a_command_in_words(name: str, value: str) -> None:
    ended = run(["manage.py", "check_audit_trail"], subprocess.PIPE, **{"ELASTICSEARCH_PASSWORD": "secret", name: value})

    assert (ended.returncode, ended.stderr) == (1, "CommandError: Username and password must be UTF-8.\n")


def test_missing_credentials_are_no_exception_name() -> None:
    ended = run(["manage.py", "check_audit_trail"], subprocess.PIPE, ELASTICSEARCH_PASSWORD="")

    assert ended.stderr.startswith("CommandError: Set ELASTICSEARCH_PASSWORD")


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """No file can grow beyond this size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, len(result_file.HEADER), len(result_file.HEADER) + 10])
def test_a_results_file_that_cannot_grow_is_reported_and_resumed(tmp_path: Path, size: int) -> None:
    path = tmp_path / "results"
    with (
        pytest.raises(result_file.ResultFileError, match="results: File too large"),
        files_end_at(size),
        result_file.opened(path) as results,
    ):
        results.password_of("ann", "never set")

    with result_file.opened(path) as results:
        assert results.password_of("ann", "new") == "new"


def test_a_configuration_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=1\n")
    with pytest.raises(ImproperlyConfigured, match=r"\.env can't be written: File too large\."), files_end_at(5):
        env_file.update(file, {"SECRET_KEY": "secret"})

    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [(".env", "A=1\n")]


def test_a_checkout_has_a_version() -> None:
    ended = run(["-m", "usermgmt", "--version"], subprocess.PIPE)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith(" (checkout)\n")


def test_a_second_signal_does_not_wait() -> None:
    code = "import os, signal; from accounts.management.signals import *\nwith signals_raise(), signals_wait():"
    stop = "os.kill(os.getpid(), signal.SIGTERM)"
    once, twice = (run(["-c", f"{code}\n {'; '.join([stop] * times)}; print('done')"], subprocess.PIPE) for times in (1, 2))

    assert (once.returncode, once.stdout) == (128 + signal.SIGTERM, "done\n")
    assert (twice.returncode, twice.stdout) == (128 + signal.SIGTERM, "")
