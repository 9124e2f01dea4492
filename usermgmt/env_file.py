"""Reads and writes the configuration file (`.env`)."""

import io
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

ASSIGNMENT = re.compile(r"(?:export )?(\w+)=")


def update(path: Path, values: Mapping[str, str]) -> None:
    """Set variables and leave all other lines unchanged. The file, or what a link to it names, is replaced atomically.

    It is readable by its owner only, and by its group if it was readable by it and not by others.
    Raises ImproperlyConfigured, and the file is then unchanged.
    """
    others = [line for line in _lines(path) if _name(line) not in values]
    new = _new(path)
    try:
        with os.fdopen(_created(new), "w", encoding="utf-8") as stream:
            _keep_access(path, stream.fileno())
            stream.write("\n".join([*others, *(f"{name}={value}" for name, value in values.items())]) + "\n")
        new.replace(path.resolve())
    except OSError as exc:  # the disk may be full
        new.unlink(missing_ok=True)
        raise ImproperlyConfigured(f"{path} can't be written: {exc.strerror}.") from None


def _keep_access(path: Path, new: int) -> None:
    """Or a server with another user couldn't read a file any more that root has written."""
    try:
        before = path.stat()
        os.fchown(new, before.st_uid, before.st_gid)
    except OSError:  # there is none, or it belongs to another user, who is replaced
        return
    if stat.S_IMODE(before.st_mode) & 0o077 == stat.S_IRGRP:
        os.fchmod(new, 0o640)


def require_writable(path: Path) -> None:
    """Raises ImproperlyConfigured if `update` would fail."""
    _lines(path)
    new = _new(path)
    try:
        os.close(_created(new))
        new.unlink()
    except OSError as exc:
        raise ImproperlyConfigured(f"{path} can't be written: {exc.strerror}.") from None


def _new(path: Path) -> Path:
    """The file that is to replace it, or what a link to it names."""
    path = path.resolve()
    return path.with_name(path.name + ".new")


def _created(new: Path) -> int:
    """A file descriptor of the file, which is new and empty: nobody else has opened it."""
    new.unlink(missing_ok=True)
    return os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def read(path: Path) -> dict[str, str]:
    """All variables, as they are written. Raises ImproperlyConfigured with the number of an invalid line, never its content."""
    lines = _lines(path)
    for number, line in enumerate(lines, 1):
        if not _name(line) and not re.fullmatch(r"\s*(#.*)?", line):
            raise ImproperlyConfigured(f"{path}, line {number} must be NAME=value, without spaces before the equals sign.")

    class File(environ.Env):  # type: ignore[misc]
        ENVIRON: dict[str, str] = {}

    File.read_env(io.StringIO("\n".join(line for line in lines if _name(line))))
    return File.ENVIRON


def _name(line: str) -> str | None:
    found = ASSIGNMENT.match(line)
    return found[1] if found else None


def _lines(path: Path) -> list[str]:
    """Editors on Windows begin a file with a byte-order mark, which isn't part of the first name."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return []
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{path} must be saved as UTF-8.") from None
    except OSError as exc:
        raise ImproperlyConfigured(f"{path} can't be read: {exc.strerror}.") from None
