"""The demo's own configuration file, in the form the product reads."""

import os
import re
from pathlib import Path


def prepare(path: Path, elasticsearch_url: str) -> None:
    """Make the file, or follow the node to another port; the keys that setup_cluster wrote into it are kept."""
    values = {
        "ELASTICSEARCH_HOSTS": elasticsearch_url,
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "HTTPS": "false",
    }
    kept = [line for line in _lines(path) if line.partition("=")[0] not in values]
    _write(path, [*kept, *(f"{name}={value}" for name, value in values.items())])


def read(path: Path, name: str) -> str | None:
    """The variable's value; None where it is not set."""
    for line in _lines(path):
        if found := re.fullmatch(rf"""{name}=(['"]?)(.+)\1""", line.strip()):
            return found[2]
    return None


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _write(path: Path, lines: list[str]) -> None:
    """Replace the file in one step, readable by its owner only from the first moment."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write("\n".join(lines) + "\n")
    new.replace(path)
