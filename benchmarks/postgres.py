"""A temporary PostgreSQL server, reachable only through a socket in its temporary folder."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import running

OWNER = "benchmark"


class NoPostgres(Exception):
    """PostgreSQL can't be started on this machine. The message is for the terminal."""


@contextmanager
def postgres() -> Iterator[Path]:
    """Run a new, empty server until the end of the block; yields the folder with its socket. Raises NoPostgres."""
    programs, account = _programs(), _account()
    with tempfile.TemporaryDirectory(prefix="usermgmt-postgres-") as name:
        folder = Path(name)
        if account:
            shutil.chown(folder, account.pw_uid, account.pw_gid)
        _make_database(programs, folder, account)
        with running(
            [*_as(account), str(programs / "postgres"), "-D", str(folder / "data"), "-k", name, "-c", "listen_addresses="],
            lambda: (folder / "data/postmaster.pid").exists() and "ready" in (folder / "data/postmaster.pid").read_text(),
            folder / "log",
            environment={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            stop=signal.SIGINT,  # fast shutdown: doesn't wait for clients
        ):
            yield folder


def version() -> str:
    """The version number of PostgreSQL. Raises NoPostgres."""
    done = subprocess.run([str(_programs() / "postgres"), "--version"], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()[2]


def _programs() -> Path:
    """The folder with the programs of the newest installed version. Raises NoPostgres."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise NoPostgres("PostgreSQL isn't installed")


def _account() -> pwd.struct_passwd | None:
    """The account to run PostgreSQL as: `postgres` if this process is root, as which PostgreSQL doesn't start, else None."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise NoPostgres("PostgreSQL can't run as root, and there is no user postgres") from None


def _as(account: pwd.struct_passwd | None) -> list[str]:
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--"] if account else []


def _make_database(programs: Path, folder: Path, account: pwd.struct_passwd | None) -> None:
    command = ["initdb", "-D", str(folder / "data"), "-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    done = subprocess.run(
        [*_as(account), str(programs / command[0]), *command[1:]],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoPostgres(f"initdb failed: {done.stdout[-1000:]}")
