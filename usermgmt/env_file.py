"""The file that configures the product (`.env`), written by commands of ours; django-environ reads it for the settings."""

import os
import re
from collections.abc import Mapping
from pathlib import Path


def update(path: Path, values: Mapping[str, str]) -> None:
    """Set variables and keep all other lines; readable by its owner only from the first moment, and never half written."""
    kept = [line for line in _lines(path) if line.partition("=")[0] not in values]
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write("\n".join([*kept, *(f"{name}={value}" for name, value in values.items())]) + "\n")
    new.replace(path)


def read(path: Path, name: str) -> str | None:
    """The variable's value; None where it is not set."""
    for line in _lines(path):
        if found := re.fullmatch(rf"""{name}=(['"]?)(.+)\1""", line.strip()):
            return found[2]
    return None


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
