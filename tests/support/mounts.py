"""Real bind mounts, as a container has its configuration."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(source: Path, target: Path, *, read_only: bool = False) -> Iterator[None]:
    """Mount a file or folder on another; skips the test where that isn't allowed."""
    if subprocess.run(["/bin/mount", "--bind", source, target], capture_output=True, check=False).returncode:
        pytest.skip("bind mounts need root")
    try:
        if read_only:
            subprocess.run(["/bin/mount", "-o", "remount,ro,bind", target], capture_output=True, check=True)
        yield
    finally:
        subprocess.run(["/bin/umount", target], capture_output=True, check=True)
