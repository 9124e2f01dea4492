"""Secrets in files that are readable by their owner only."""

import os
import secrets
from pathlib import Path


def keep_secret(file: Path, wanted: str | None = None) -> str:
    """The secret in the file. A missing file is created with `wanted` or a generated secret."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # The mode is set at creation, because other users could read the file before a chmod.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().rstrip("\n")
    secret = wanted or secrets.token_urlsafe(15)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(f"{secret}\n")
    return secret
