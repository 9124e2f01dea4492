"""`manage.py reset_password` as a process of its own, for the tests."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Ended:
    """What a run left."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


def command(*args: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), "reset_password", *args]


def environment(**variables: str) -> dict[str, str]:
    """Nothing of this process's configuration but what is given."""
    return {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, **variables}


def manage(*args: str, typed: str = "", **variables: str) -> Ended:
    """Run it to its end, without a terminal."""
    ended = subprocess.run(
        command(*args), input=typed, env=environment(**variables), capture_output=True, text=True, check=False, cwd=ROOT
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)
