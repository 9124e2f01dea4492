"""The Django admin in `benchmarks.changelist` as a running program: load users, serve, sign in."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.client import Client, Request
from benchmarks.pages import BY_ROLE, FILTERED, FIRST, SEARCHED
from benchmarks.people import ROLES
from benchmarks.postgres import NoPostgres, postgres
from benchmarks.processes import TOP, answers, running
from benchmarks.product import gunicorn
from local_cluster.ports import free_ports

REQUIREMENTS: Final = TOP / "benchmarks" / "requirements.txt"
LIST: Final = "/admin/changelist/person/"
# The equivalents of the usermgmt pages with these names; role IDs follow the order in which roles are loaded.
PAGES: Final = {
    FIRST: Request(LIST),
    SEARCHED: Request(f"{LIST}?q=okaf"),
    FILTERED: Request(f"{LIST}?is_active__exact=0"),
    BY_ROLE: Request(f"{LIST}?roles__id__exact={ROLES.index('sales_reader_emea') + 1}"),
}


@dataclass
class Shop:
    """A Django project with the admin and a PostgreSQL database. `environment`: of its processes."""

    folder: Path
    environment: dict[str, str]
    url: str = ""

    def load(self, numbers: range) -> None:
        """Add the sample users with these numbers."""
        command = [sys.executable, "-m", "benchmarks.changelist.load", str(numbers.start), str(numbers.stop)]
        subprocess.run(command, cwd=TOP, env=self.environment, stdin=subprocess.DEVNULL, check=True)

    def sign_in(self) -> Client:
        """A client, signed in as the administrator."""
        client = Client(self.url)
        client.sign_in("/admin/login/", "admin", self.environment["CHANGELIST_PASSWORD"])
        return client


@contextmanager
def shop(folder: Path) -> Iterator[Shop]:
    """A project without users, until the end of the block; `serve` starts its web server. Raises NoPostgres."""
    with postgres() as socket:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "benchmarks.changelist.settings",
            "CHANGELIST_SECRET_KEY": secrets.token_urlsafe(48),
            "CHANGELIST_PASSWORD": secrets.token_urlsafe(15),
            "CHANGELIST_SOCKET": str(socket),
            "PYTHONPATH": str(_packages(folder)),
        }
        yield Shop(folder, environment)


@contextmanager
def serve(shop: Shop) -> Iterator[None]:
    """One web process, with the same server and server settings as usermgmt."""
    port = free_ports(1)[0]
    shop.url = f"http://127.0.0.1:{port}"
    environment = shop.environment | {"HOST": "127.0.0.1", "PORT": str(port), "WEB_WORKERS": "1"}
    with running(
        gunicorn("benchmarks.changelist.asgi"),
        lambda: answers(f"{shop.url}/admin/login/"),
        shop.folder / "changelist.log",
        environment=environment,
    ):
        yield


def _packages(folder: Path) -> Path:
    """Install psycopg, which only the comparison needs, into the temporary folder; returns the path. Raises NoPostgres."""
    packages = folder / "packages"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    done = subprocess.run([*command, "--target", str(packages), "-r", str(REQUIREMENTS)], stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise NoPostgres("its driver, psycopg, could not be installed")
    return packages
