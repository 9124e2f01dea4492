"""A file with the new passwords of many users. A kill at any moment leaves no user with a password that isn't in the file.

A line is `name<TAB>password<TAB>state`. It is written to disk as `pending` before the password is set; then only the state,
always seven characters, is overwritten. A resumed run sets the same password again if the outcome is unknown.
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
    """The file can't be used; the message is for the terminal."""


@dataclass
class Entry:
    """One line. `offset`: the position of its state, in bytes."""

    password: str
    state: str
    offset: int


class ResultFile:
    """The open file and its entries by username."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.entries = _entries(stream)

    def is_set(self, username: str) -> bool:
        return username in self.entries and self.entries[username].state == CHANGED

    def password_of(self, username: str, generated: str) -> str:
        """The stored password of the user, else the generated one, which is then stored."""
        if username not in self.entries:
            self._append(username, generated)
        return self.entries[username].password

    def mark(self, username: str, state: str) -> None:
        """Store the state of the user: CHANGED or FAILED."""
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
    """Create the file, readable by its owner only, or resume with that of an earlier run.

    Raises ResultFileError, in the block as well: the disk may be full.
    """
    try:
        with _create(path) or _reopen(path) as stream:
            yield ResultFile(stream)
    except OSError as exc:
        raise ResultFileError(f"{path}: {exc.strerror}") from None


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
        if not HEADER.startswith(stream.read(len(HEADER))):  # a kill may have left a partial header
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
    """The entries. An incomplete last line is removed: its password was never set."""
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
