"""`manage.py reset_password` as a process of its own, for the tests."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """What a run left."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


def in_process(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run it in this process, which costs no start of Python."""

    def run(*args: str, typed: str | io.TextIOWrapper = "") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed) if isinstance(typed, str) else typed)
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command("reset_password", *args, stdout=out, stderr=err)
        except SystemExit as exc:
            return Ended(int(exc.code or 0), out.getvalue(), err.getvalue())
        return Ended(0, out.getvalue(), err.getvalue())

    return run


def environment(**variables: str) -> dict[str, str]:
    """Nothing of this process's configuration but what is given."""
    return {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, **variables}


def manage(*args: str, typed: str = "", **variables: str) -> Ended:
    """Run it to its end, without a terminal."""
    ended = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "reset_password", *args],
        input=typed,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)
