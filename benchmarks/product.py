"""usermgmt in front of a node, set up and served as in production."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import TOP, answers, running
from benchmarks.tricks import VARIANTS
from local_cluster import Cluster
from local_cluster.ports import free_ports
from usermgmt import env_file

ADMINISTRATOR = "benchmark"
ADMINISTRATORS_ROLE = "benchmark_administrator"
CACHE_SECONDS = 0.5
# Prefixes of settings: in the developer's environment, they would override the env file of the benchmark.
CONFIGURATION = (
    *("SECRET_KEY", "ELASTICSEARCH_", "ALLOWED_HOSTS", "CSRF_", "HTTPS", "BEHIND_PROXY", "BASE_PATH"),
    *("SESSION_", "KEPT_", "LOG_", "REQUEST_LOG", "METRICS_", "WEB_"),
)


@dataclass(frozen=True)
class Served:
    """A running gunicorn."""

    url: str
    pid: int


def set_up(cluster: Cluster, folder: Path) -> str:
    """Run setup_cluster, and create an administrator; returns the administrator's password."""
    env_file.update(folder / "env", {"ELASTICSEARCH_HOSTS": cluster.urls[0], "HTTPS": "false"})
    _manage(
        folder, "setup_cluster", "--env-file", str(folder / "env"), ELASTICSEARCH_PASSWORD=cluster.password, LOG_LEVEL="WARNING"
    )
    _manage(folder, "collectstatic", "--noinput", "--verbosity", "0")
    password = secrets.token_urlsafe(15)
    client = cluster.client()
    client.security.put_role(name=ADMINISTRATORS_ROLE, cluster=["manage_security", "monitor"])
    client.security.put_user(username=ADMINISTRATOR, password=password, roles=[ADMINISTRATORS_ROLE], full_name="Ada Admin")
    return password


@contextmanager
def served(folder: Path, **configuration: str) -> Iterator[Served]:
    """usermgmt with one web process on a free port."""
    with _served(folder, "product", **configuration) as web:
        yield web


@contextmanager
def served_without(folder: Path, number: int) -> Iterator[Served]:
    """The same, as VARIANTS[number]."""
    configuration = {"BENCHMARK_WITHOUT": str(number), **VARIANTS[number].environment}
    with _served(folder, f"without-{number}", "benchmarks.without", **configuration) as web:
        yield web


@contextmanager
def watched(folder: Path, recorder: str) -> Iterator[Served]:
    """The same, for counting calls: connected to the node through a recorder, and with a short cache lifetime."""
    with _served(folder, "watched", ELASTICSEARCH_HOSTS=recorder, CACHE_SECONDS=str(CACHE_SECONDS)) as web:
        yield web


@contextmanager
def _served(folder: Path, name: str, application: str = "usermgmt.asgi", **configuration: str) -> Iterator[Served]:
    port = free_ports(1)[0]
    url = f"http://127.0.0.1:{port}"
    with running(
        gunicorn(application),
        lambda: answers(f"{url}/livez"),
        folder / f"{name}.log",
        environment=_environment(folder, HOST="127.0.0.1", PORT=str(port), **configuration),
    ) as pid:
        yield Served(url, pid)


def gunicorn(application: str) -> list[str]:
    """The command that serves an application with the server settings of usermgmt."""
    return [sys.executable, "-m", "gunicorn", "-c", "usermgmt/gunicorn.py", application]


def _manage(folder: Path, *arguments: str, **secret_environment: str) -> None:
    command = [sys.executable, str(TOP / "manage.py"), *arguments]
    subprocess.run(
        command,
        cwd=TOP,
        env=_environment(folder, **secret_environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _environment(folder: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(CONFIGURATION)}
    return inherited | {"ENV_FILE": str(folder / "env")} | more
