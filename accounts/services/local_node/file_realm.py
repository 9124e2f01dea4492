"""The file realm of a node on this machine: a short-lived superuser in `users` and `users_roles`, gone again whatever happens.

The file is a program too, the watchdog: a process beside the one that asked for the superuser. It outlives a kill -9 of
that one, and removes then what was left. So there is nothing but the standard library in here.

https://www.elastic.co/docs/deploy-manage/users-roles/cluster-or-deployment-auth/file-based says how the files are read.
"""

import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PREFIX: Final = b"usermgmt_reset_"  # whoever is called so was made here, and is removed by the next run at the latest
USERS: Final = "users"
USERS_ROLES: Final = "users_roles"
# No role that Elasticsearch brings along may change passwords, but this one.
ROLE: Final = b"superuser"
NEW: Final = ".usermgmt_reset"  # the end of the name under which a file is written before it replaces the old one
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS_FOR_ANOTHER_RUN: Final = 60.0


class FileRealmError(Exception):
    """The files cannot be used; the message says why, to the person at the terminal."""


class FileRealmBusy(FileRealmError):
    """Another run is using them."""


@contextmanager
def superuser(folder: Path, password_hash: str) -> Iterator[str]:
    """Put a superuser into the file realm of a node's config folder; yields the name. The node knows it some seconds later.

    The files get their old bytes back, and keep mode and owner: after an exception, a signal, and a kill -9. Raises
    FileRealmError and FileRealmBusy, with nothing changed.
    """
    name = PREFIX + secrets.token_hex(8).encode()
    with _locked(folder) as lock, _watchdog(folder, lock):
        _clean(folder)
        try:
            # The role first: Elasticsearch may read one file before the other, and should meet nobody without a role.
            _prepend(folder / USERS_ROLES, ROLE + b":" + name)
            _prepend(folder / USERS, name + b":" + password_hash.encode())
            yield name.decode()
        finally:
            with uninterrupted():
                _clean(folder)


def clean_up(folder: Path) -> None:
    """Remove what a run left that was killed together with its watchdog. Raises FileRealmError and FileRealmBusy."""
    with _locked(folder), uninterrupted():
        _clean(folder)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C and polite signals wait until the end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _clean(folder: Path) -> None:
    """Bring both files back to what they are without us, the user before the role, and remove half-written ones."""
    for name in (USERS, USERS_ROLES):
        file = _existing(folder / name)
        file.with_name(file.name + NEW).unlink(missing_ok=True)
        content = _read(file)
        without = b"".join(_without_ours(line) for line in content.splitlines(keepends=True))
        if without != content:
            _replace(file, without)


def _without_ours(line: bytes) -> bytes:
    """A line of either file: `name:hash`, or `role:name,name`, into which other tools merge what we write."""
    key, colon, value = line.partition(b":")
    if key.startswith(PREFIX):
        return b""
    names = value.split(b",")
    others = [name for name in names if not name.strip().startswith(PREFIX)]
    if len(others) == len(names):
        return line
    ending = b"" if not others or others[-1] == names[-1] else b"\n"
    return key + colon + b",".join(others) + ending if others else b""


def _prepend(file: Path, line: bytes) -> None:
    """Add a line at the beginning: at the end it could not be told later whether the file's last line had an end."""
    file = _existing(file)
    _replace(file, line + b"\n" + _read(file))


def _existing(file: Path) -> Path:
    """The file, behind links. Elasticsearch comes with both, and so does everybody who looks after them."""
    if not file.is_file():
        raise FileRealmError(f"File realm configuration file [{file}] is missing")
    return file.resolve()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        raise FileRealmError(f"{file}: {exc.strerror}") from None


def _replace(file: Path, content: bytes) -> None:
    """Write a file anew in one step, with the mode, the owner and the attributes that it has."""
    new = file.with_name(file.name + NEW)
    try:
        _write_like(new, file, content)
        new.replace(file)
        _sync(file.parent)
    except OSError as exc:
        new.unlink(missing_ok=True)
        raise FileRealmError(
            f"Couldn't write {file}: {exc.strerror}. Run the command as root or as the owner of the file."
        ) from None


def _write_like(new: Path, old: Path, content: bytes) -> None:
    status = old.stat()
    # Exclusively: a link that somebody put there is not followed.
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        os.fchown(stream.fileno(), status.st_uid, status.st_gid)
        shutil.copystat(old, new)
        stream.write(content)
        stream.flush()
        os.utime(new)  # or Elasticsearch might not notice
        os.fsync(stream.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Keep other runs out, by a lock on the folder itself: it leaves no file, and ends with the last process that holds it."""
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
    deadline = time.monotonic() + SECONDS_FOR_ANOTHER_RUN
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise FileRealmBusy(f"Another run of this command is using {folder}") from None
            time.sleep(0.1)


@contextmanager
def _watchdog(folder: Path, lock: int) -> Iterator[None]:
    """Have a process beside this one that cleans when this one is gone, however it went; it holds the lock as well."""
    dog = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(folder.resolve())],
        stdin=subprocess.PIPE,  # its end is the sign
        stdout=subprocess.DEVNULL,  # or `$(… reset_password)` would wait for the watchdog too
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        pass_fds=(lock,),
        start_new_session=True,  # signals for this one's group or terminal are not for it
    )
    try:
        yield
    finally:
        with uninterrupted():
            dog.communicate()


def _watch(folder: Path) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    _clean(folder)


if __name__ == "__main__":
    _watch(Path(sys.argv[1]))
