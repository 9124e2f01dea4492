"""The file realm of a node on this machine: a temporary superuser in `users` and `users_roles`, always removed.

This file is also a program, the watchdog: a second process that survives a kill -9 of the first one and then removes the
superuser. So it uses only the standard library.

How Elasticsearch reads the files:
https://www.elastic.co/docs/deploy-manage/users-roles/cluster-or-deployment-auth/file-based
"""

import errno
import fcntl
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PREFIX: Final = b"usermgmt_reset_"  # users with this prefix are ours; the next run removes them at the latest
USERS: Final = "users"
USERS_ROLES: Final = "users_roles"
# No other built-in role can change passwords.
ROLE: Final = b"superuser"
READ_ONLY: Final = "It is read-only here. Run the command where it can be written, for example on the host of the container."
NOT_OWNER: Final = "Run the command as root or as the owner of the file."
ADVICE: Final = {errno.EROFS: READ_ONLY, errno.EACCES: NOT_OWNER, errno.EPERM: NOT_OWNER}
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOCK_TIMEOUT_SECONDS: Final = 60.0


class FileRealmError(Exception):
    """The files can't be used. The message is for the terminal."""


class FileRealmBusy(FileRealmError):
    """Another run is using the files."""


@contextmanager
def superuser(folder: Path, password_hash: str) -> Iterator[str]:
    """Add a superuser to the file realm in the config folder of a node; yields the name. The node loads it some seconds later.

    Afterwards the files have their previous content, also after an exception, a signal, or kill -9. Raises FileRealmError and
    FileRealmBusy, with nothing changed.
    """
    name = PREFIX + secrets.token_hex(8).encode()
    with _locked(folder) as lock, _watchdog(folder, lock):
        _clean(folder)
        try:
            # The role first: Elasticsearch may read one file before the other, and should never see the user without a role.
            _append(folder / USERS_ROLES, ROLE + b":" + name)
            _append(folder / USERS, name + b":" + password_hash.encode())
            yield name.decode()
        finally:
            with uninterrupted():
                _clean(folder)


def clean_up(folder: Path) -> None:
    """Remove the superuser of a run that was killed together with its watchdog. Raises FileRealmError and FileRealmBusy."""
    with _locked(folder), uninterrupted():
        _clean(folder)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay SIGINT and SIGTERM until the end of the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _clean(folder: Path) -> None:
    """Remove the temporary user, then its role."""
    for name in (USERS, USERS_ROLES):
        file = _existing(folder / name)
        content = _read(file)
        if (without := _without_temporary_users(content)) != content:
            _write(file, content, without)


def _append(file: Path, line: bytes) -> None:
    file = _existing(file)
    content = _read(file)
    # A last line without a line break stays so, which tells the cleanup whose line break it is.
    _write(file, content, content + (line + b"\n" if not content or content.endswith(b"\n") else b"\n" + line))


def _without_temporary_users(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    without = b"".join(_without_temporary_names(line) for line in lines)
    is_last = bool(lines) and not lines[-1].endswith(b"\n") and not _without_temporary_names(lines[-1])
    return without.removesuffix(b"\n") if is_last else without


def _without_temporary_names(line: bytes) -> bytes:
    """A line of either file without temporary users: `name:hash`, or `role:name,name`, which other tools may have merged."""
    key, colon, value = line.partition(b":")
    if key.startswith(PREFIX):
        return b""
    names = value.split(b",")
    others = [name for name in names if not name.strip().startswith(PREFIX)]
    if len(others) == len(names):
        return line
    ending = b"" if not others or others[-1] == names[-1] else b"\n"
    return key + colon + b",".join(others) + ending if others else b""


def _existing(file: Path) -> Path:
    """The target of the file, which may be a link. Elasticsearch comes with both files."""
    if not file.is_file():
        raise FileRealmError(f"File realm configuration file [{file}] is missing")
    return file.resolve()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        raise FileRealmError(f"{file}: {exc.strerror}") from None


def _write(file: Path, old: bytes, new: bytes) -> None:
    """Change the file in place: a container may have it mounted alone, and would never see another file of the same name.

    To add or to remove a line at the end is one system call, so that a kill leaves either the old or the new content.
    """
    unchanged = next((at for at, (byte, other) in enumerate(zip(old, new, strict=False)) if byte != other), min(len(old), len(new)))
    try:
        descriptor = os.open(file, os.O_WRONLY)
        try:
            _overwrite(descriptor, unchanged, new[unchanged:], len(old))
        finally:
            os.close(descriptor)
    except OSError as exc:
        advice = ADVICE.get(exc.errno or 0, "")
        raise FileRealmError(f"Couldn't write {file}: {exc.strerror}. {advice}".rstrip()) from None


def _overwrite(descriptor: int, offset: int, content: bytes, size: int) -> None:
    """Replace everything from the offset. Raises OSError, with nothing appended."""
    if os.pwrite(descriptor, content, offset) < len(content):
        os.ftruncate(descriptor, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.ftruncate(descriptor, offset + len(content))
    os.fsync(descriptor)


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Lock the folder itself against other runs: this leaves no file, and the lock ends with the last process that holds it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as exc:
        raise FileRealmError(f"{folder}: {exc.strerror}") from None
    try:
        _wait_for_lock(descriptor, folder)
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int, folder: Path) -> None:
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise FileRealmBusy(f"Another run of this command is using {folder}") from None
            time.sleep(0.1)


@contextmanager
def _watchdog(folder: Path, lock: int) -> Iterator[None]:
    """Start a process that cleans up when this one ends, even by kill -9. It holds the lock, too."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(folder.resolve())],
        stdin=subprocess.PIPE,  # closed when this process ends
        stdout=subprocess.DEVNULL,  # inherited, it would make `$(… reset_password)` wait for the watchdog, too
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        pass_fds=(lock,),
        start_new_session=True,  # signals to our process group or terminal must not reach it
    )
    try:
        yield
    finally:
        with uninterrupted():
            process.communicate()


def _watch(folder: Path) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    _clean(folder)


if __name__ == "__main__":
    _watch(Path(sys.argv[1]))
