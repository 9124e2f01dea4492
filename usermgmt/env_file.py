"""Writes and reads the configuration file (`.env`). The settings read it with django-environ."""

import os
import re
from collections.abc import Mapping
from pathlib import Path


def update(path: Path, values: Mapping[str, str]) -> None:
    """Set variables and leave all other lines unchanged. The file is replaced atomically, and readable by its owner only."""
    others = [line for line in _lines(path) if line.partition("=")[0] not in values]
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write("\n".join([*others, *(f"{name}={value}" for name, value in values.items())]) + "\n")
    new.replace(path)


def read(path: Path, name: str) -> str | None:
    """The value of a variable; None if it isn't set."""
    for line in _lines(path):
        if found := re.fullmatch(rf"""{name}=(['"]?)(.+)\1""", line.strip()):
            return found[2]
    return None


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
