"""Where the files are: in a checkout beside this package, in an installed wheel inside it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = Path(__file__).resolve().parent
IS_INSTALLED: Final = (PACKAGE / "templates").is_dir()
# The parent folder of templates, static, and staticfiles.
FILES: Final = PACKAGE if IS_INSTALLED else PACKAGE.parent
DEFAULT_ENV_FILE: Final = Path("/etc/usermgmt/env") if IS_INSTALLED else FILES / ".env"
# As messages say them.
COMMAND: Final = "usermgmt" if IS_INSTALLED else "manage.py"
SETUP_CLUSTER: Final = "usermgmt setup-cluster" if IS_INSTALLED else "manage.py setup_cluster"
ENV_FILE_NAME: Final = str(DEFAULT_ENV_FILE) if IS_INSTALLED else ".env"


def python_environment() -> dict[str, str]:
    """In which a process finds this package before one in its current folder."""
    others = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), *([others] if others else [])]),
        "PYTHONSAFEPATH": "1",
    }


def run_module(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    """Run a module in a process of its own, with the settings as they are now."""
    return subprocess.run([sys.executable, "-m", *arguments], env=python_environment(), check=False, **options)
