"""Runs management commands and the server with the cluster of the demo."""

import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.options import ENV_FILE, TOP, DemoError, Options
from local_cluster.node import wait_for

SECONDS_TO_SERVE = 60
# Prefixes of variables that aren't inherited, because they would override the demo's env file.
CONFIGURATION = (
    *("SECRET_KEY", "ELASTICSEARCH_", "ALLOWED_HOSTS", "CSRF_", "HTTPS", "BEHIND_PROXY", "BASE_PATH"),
    *("SESSION_", "LOG_", "REQUEST_LOG", "METRICS_"),
)


def manage(*arguments: str, **secret_environment: str) -> None:
    """Run a management command. Raises DemoError with its output if it fails."""
    _run(f"manage.py {arguments[0]}", str(TOP / "manage.py"), *arguments, **secret_environment)


def tell_story(**secret_environment: str) -> None:
    """Run `demo.story`, without the delay for wrong passwords. Raises DemoError."""
    settings = {"DJANGO_SETTINGS_MODULE": "usermgmt.settings", "THROTTLE_ANSWER_SECONDS": "0"}
    _run("demo.story", "-m", "demo.story", **settings, **secret_environment)


def _run(name: str, *arguments: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=TOP,
        env=_environment(**environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DemoError(f"{name} failed:\n{done.stdout[-4000:]}")


@contextmanager
def served(options: Options, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the server until the end of the block, which starts when it responds. Raises DemoError."""
    with log.open("wb") as stream:
        server = subprocess.Popen(
            [*_setpriv_command(), sys.executable, "-m", "gunicorn", "-c", "usermgmt/gunicorn.py", "usermgmt.asgi"],
            cwd=TOP,
            env=_environment(HOST="127.0.0.1", PORT=str(options.port)),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C must reach only the demo, which stops server and node in order
        )
    try:
        if not wait_for(lambda: _answers(server, options.url, log), SECONDS_TO_SERVE):
            raise DemoError(f"The server didn't respond within {SECONDS_TO_SERVE} seconds:\n{tail(log)}")
        yield server
    finally:
        _stop(server)


def tail(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]


def _setpriv_command() -> list[str]:
    """A command prefix that stops the server if the demo is killed, where the system supports it."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def _environment(**more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(CONFIGURATION)}
    return inherited | {"ENV_FILE": str(ENV_FILE)} | more


def _answers(server: "subprocess.Popen[bytes]", url: str, log: Path) -> bool:
    if server.poll() is not None:
        raise DemoError(f"The server stopped during startup:\n{tail(log)}")
    try:
        with urllib.request.urlopen(f"{url}/livez", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
