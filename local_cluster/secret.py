"""Secrets in files that only their owner can read."""

import os
import secrets
from pathlib import Path


def keep_secret(file: Path, wanted: str | None = None) -> str:
    """The file's secret; a missing file is made, with the wanted secret or a generated one."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # The mode is given at creation: a chmod afterwards would leave a moment in which others may read.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().rstrip("\n")
    secret = wanted or secrets.token_urlsafe(15)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(f"{secret}\n")
    return secret
