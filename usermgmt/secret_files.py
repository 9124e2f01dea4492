"""Files with secrets: whether this process can read them, and whether others can, too."""

import os
import stat
from pathlib import Path
from typing import Final

# Mounts of containers, in which all files are readable, and in which there are no other users.
CONTAINER_MOUNTS: Final = (Path("/run/secrets"), Path("/var/run/secrets"))
KUBERNETES: Final = "..data"  # the link that a Secret or ConfigMap has in its volume


def can_be_read(path: str) -> bool:
    """Whether it is a file, or a link to one, that this process can read."""
    try:
        return Path(path).is_file() and os.access(path, os.R_OK)
    except OSError:  # a folder is closed to this process
        return False


def is_exposed(path: str) -> bool:
    """Whether other users of this machine, without being in the file's group, can read or change it. False if this isn't known."""
    try:
        mode, file = Path(path).stat().st_mode, Path(path).resolve(strict=True)
    except (OSError, RuntimeError):  # a loop of links
        return False
    is_open = stat.S_ISREG(mode) and bool(mode & (stat.S_IROTH | stat.S_IWOTH))
    return is_open and not _is_of_container(Path(path)) and all(_is_traversable(folder) for folder in file.parents)


def _is_of_container(path: Path) -> bool:
    return any(map(path.is_relative_to, CONTAINER_MOUNTS)) or (path.parent / KUBERNETES).is_symlink()


def _is_traversable(folder: Path) -> bool:
    try:
        return bool(folder.stat().st_mode & stat.S_IXOTH)
    except OSError:
        return False
