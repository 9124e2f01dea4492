"""A superuser in the file realm that nothing leaves behind: killed at every step, with whatever stands in the files."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from accounts.services.local_node import file_realm
from tests.support.mounts import mounted

USERS = b"alice:$2a$10$abc\n# a comment\nbob:{PBKDF2}10000$x=$y="
ROLES = b"superuser:alice\nviewer:alice,bob"

# Every run is a process of its own, whose n-th look at, or write to, the file system is its last.
KILLED_AT_STEP = """
import fcntl, os, signal, sys
from pathlib import Path
from accounts.services.local_node import file_realm

WATCHED = {"open", "os.truncate", "subprocess.Popen", "fcntl.flock"}
folder, number = Path(sys.argv[1]), int(sys.argv[2])
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background has it ignored

def state():
    return {file.name: (file.read_bytes(), file.stat().st_mode, file.stat().st_uid) for file in folder.iterdir()}

def count(event, args):
    global steps
    if event in WATCHED:
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), number)

def run():
    sys.addaudithook(count)
    with file_realm.superuser(folder, "$2a$10$hash") as name:
        assert name.encode() + b":$2a$10$hash" in (folder / "users").read_bytes().splitlines()

def wait_for_watchdog():
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.close(descriptor)

before, ended, last = state(), -1, 0
while ended:
    last += 1
    if not (child := os.fork()):
        steps = last
        try:
            run()
        except AssertionError:
            os._exit(2)
        except BaseException:
            os._exit(1)
        os._exit(0)
    ended = os.waitpid(child, 0)[1]
    assert os.waitstatus_to_exitcode(ended) != 2
    wait_for_watchdog()
    assert state() == before, f"after step {last}: {state()}"
print(last)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A config folder; its files are not the runner's, where the runner may give them away."""
    for name, content, mode in (("users", USERS, 0o640), ("users_roles", ROLES, 0o600)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(mode)
        if os.geteuid() == 0:
            os.chown(tmp_path / name, 12345, 12346)
    return tmp_path


def state(folder: Path) -> dict[str, tuple[bytes, int, int, int]]:
    files = {file: file.stat() for file in folder.iterdir()}
    return {file.name: (file.read_bytes(), status.st_mode, status.st_uid, status.st_gid) for file, status in files.items()}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_file_realm_survives_a_kill_at_any_step(folder: Path, number: int) -> None:
    run = subprocess.run(
        [sys.executable, "-c", KILLED_AT_STEP, str(folder), str(int(number))], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 15  # there were steps to be killed at, and the last run ended by itself


def test_next_run_cleans_up_after_a_kill(folder: Path) -> None:
    before = state(folder)
    (folder / "users").write_bytes(b"usermgmt_reset_0123:$2a$10$hash\n" + USERS)
    (folder / "users_roles").write_bytes(b"superuser:usermgmt_reset_0123\n" + ROLES)

    file_realm.clean_up(folder)

    assert state(folder) == before


@pytest.mark.parametrize(
    ("merged", "left"),
    [
        (b"superuser:alice,usermgmt_reset_0123\nviewer:bob\n", b"superuser:alice\nviewer:bob\n"),
        (b"superuser:usermgmt_reset_0123,alice\n", b"superuser:alice\n"),
        (b"superuser:usermgmt_reset_0123\n", b""),
    ],
)
def test_clean_up_removes_merged_lines(folder: Path, merged: bytes, left: bytes) -> None:
    (folder / "users_roles").write_bytes(merged)
    file_realm.clean_up(folder)
    assert (folder / "users_roles").read_bytes() == left


def test_concurrent_file_changes_are_preserved(folder: Path) -> None:
    with file_realm.superuser(folder, "$2a$10$hash"), (folder / "users").open("ab") as users:
        users.write(b"\ncarol:$2a$10$abc\n")
    assert (folder / "users").read_bytes() == USERS + b"\ncarol:$2a$10$abc\n"


def test_two_runs_exclude_each_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_realm, "LOCK_TIMEOUT_SECONDS", 0)
    with file_realm.superuser(folder, "$2a$10$hash"), pytest.raises(file_realm.FileRealmBusy):
        file_realm.clean_up(folder)
    file_realm.clean_up(folder)


@pytest.mark.parametrize("missing", ["users", "users_roles"])
def test_missing_file_is_reported_and_not_created(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    before = state(folder)
    with pytest.raises(file_realm.FileRealmError, match="is missing"), file_realm.superuser(folder, "$2a$10$hash"):
        pytest.fail("there is no superuser")
    assert state(folder) == before


def test_links_stay_links(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = (folder / "users").rename(tmp_path_factory.mktemp("mounted") / "users")
    (folder / "users").symlink_to(elsewhere)
    with file_realm.superuser(folder, "$2a$10$hash") as name:
        assert name.encode() in elsewhere.read_bytes()
    assert (folder / "users").is_symlink()
    assert elsewhere.read_bytes() == USERS


@pytest.mark.parametrize("side", ["container", "host"])
def test_files_mounted_one_by_one(folder: Path, tmp_path_factory: pytest.TempPathFactory, side: str) -> None:
    """Whichever side the command runs on, the other one sees the superuser, and then its own files as before."""
    inside = tmp_path_factory.mktemp("config")
    for name in ("users", "users_roles"):
        (inside / name).touch()
    with mounted(folder / "users", inside / "users"), mounted(folder / "users_roles", inside / "users_roles"):
        here, there = (inside, folder) if side == "container" else (folder, inside)
        before = state(here)
        with file_realm.superuser(here, "$2a$10$hash") as name:
            assert all(name.encode() in (there / file).read_bytes() for file in ("users", "users_roles"))
        assert state(here) == state(there) == before


@pytest.mark.parametrize("content", [b"", b"alice:$2a$10$abc\n", b"alice:$2a$10$abc"])
def test_writable_files_in_a_read_only_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    files = tmp_path_factory.mktemp("files")
    for name in ("users", "users_roles"):
        (files / name).write_bytes(content)
    with (
        mounted(folder, folder, read_only=True),
        mounted(files / "users", folder / "users"),
        mounted(files / "users_roles", folder / "users_roles"),
    ):
        with file_realm.superuser(folder, "$2a$10$hash") as name:
            assert name.encode() in (files / "users").read_bytes()
        assert (files / "users").read_bytes() == (files / "users_roles").read_bytes() == content


def test_read_only_folder_is_reported(folder: Path) -> None:
    before = state(folder)
    with (
        mounted(folder, folder, read_only=True),
        pytest.raises(file_realm.FileRealmError, match=r"users_roles: Read-only file system\. It is read-only here"),
        file_realm.superuser(folder, "$2a$10$hash"),
    ):
        pytest.fail("there is no superuser")
    assert state(folder) == before


def test_full_disk_leaves_no_half_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, pwrite = state(folder), os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, content, offset: pwrite(descriptor, content[:5], offset))
    with pytest.raises(file_realm.FileRealmError, match="No space left"), file_realm.superuser(folder, "$2a$10$hash"):
        pytest.fail("there is no superuser")
    assert state(folder) == before
