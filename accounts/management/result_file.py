"""The passwords of many users in a file, written so that a kill at any moment leaves no user with a password that is not in it.

A line is `name<TAB>password<TAB>state`. It is on the disk, as `pending`, before the password is set; only its state, of
always seven letters, is overwritten then. So whoever goes on sets the same password again where the outcome is not known.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

HEADER: Final = b"username\tpassword\tstate\n"
PENDING: Final = "pending"
CHANGED: Final = "changed"
FAILED: Final = "failed "


class ResultFileError(Exception):
    """The file cannot be used; the message says why, to the person at the terminal."""


@dataclass
class Entry:
    """One line, and where its state stands."""

    password: str
    state: str
    offset: int


class ResultFile:
    """The open file, and what it says of each user."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.entries = _entries(stream)

    def is_set(self, username: str) -> bool:
        """Whether this is done."""
        return username in self.entries and self.entries[username].state == CHANGED

    def password_of(self, username: str, generated: str) -> str:
        """The password to set: the one that stands there since an earlier run, else the generated one, which stands there now."""
        if username not in self.entries:
            self._append(username, generated)
        return self.entries[username].password

    def mark(self, username: str, state: str) -> None:
        """Note what became of it."""
        entry = self.entries[username]
        self._stream.seek(entry.offset)
        self._write(state.encode())
        entry.state = state

    def _append(self, username: str, password: str) -> None:
        start = self._stream.seek(0, os.SEEK_END)
        line = f"{username}\t{password}\t"
        self._write(f"{line}{PENDING}\n".encode())
        self.entries[username] = Entry(password, PENDING, start + len(line.encode()))

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self._stream.flush()
        os.fsync(self._stream.fileno())


@contextmanager
def opened(path: Path) -> Iterator[ResultFile]:
    """Make the file, for its owner only, or go on with the one of an earlier run. Raises ResultFileError."""
    try:
        stream = _create(path) or _reopen(path)
    except OSError as exc:
        raise ResultFileError(f"{path}: {exc.strerror}") from None
    with stream:
        yield ResultFile(stream)


def _create(path: Path) -> BinaryIO | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return None
    stream = os.fdopen(descriptor, "r+b")
    _lock(stream, path)
    stream.write(HEADER)
    return stream


def _reopen(path: Path) -> BinaryIO:
    stream = os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW), "r+b")
    try:
        _lock(stream, path)
        status = os.fstat(stream.fileno())
        if status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise ResultFileError(f"{path} is readable by other users")
        if not HEADER.startswith(stream.read(len(HEADER))):  # a kill may have left its beginning only
            raise ResultFileError(f"{path} wasn't created by this command")
    except BaseException:
        stream.close()
        raise
    return stream


def _lock(stream: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ResultFileError(f"Another run of this command is writing {path}") from None


def _entries(stream: BinaryIO) -> dict[str, Entry]:
    """What stands there; a last line without an end is cut off: its password was never set."""
    stream.seek(0)
    content = stream.read()
    whole = content[: content.rfind(b"\n") + 1] or HEADER
    if whole != content:
        stream.seek(0)
        stream.write(whole)
        stream.truncate()
    entries, offset = {}, len(HEADER)
    for line in whole[offset:].splitlines(keepends=True):
        name, password, state = _fields(line)
        entries[name] = Entry(password, state, offset + len(line) - len(state) - 1)
        offset += len(line)
    return entries


def _fields(line: bytes) -> list[str]:
    fields = line.decode(errors="replace").rstrip("\n").split("\t")
    if len(fields) != HEADER.count(b"\t") + 1:
        raise ResultFileError("The results file has an invalid line")
    return fields
