"""The command `usermgmt`: the server and all management commands, whose names can be written with dashes."""

import argparse
import errno
import io
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final, NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility, find_commands
from django.core.management.base import BaseCommand

from usermgmt import health_check, paths

NAME = "usermgmt"
SERVE_DESCRIPTION = "Serves usermgmt at HOST and PORT (default: 127.0.0.1:8000)."
NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
HEALTH_CHECK_DESCRIPTION = "Exits with 0 if the server that these settings describe answers."


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usermgmt.settings")
    arguments = sys.argv[1:]
    if arguments[:1] == ["help"] and len(arguments) == 2:
        arguments = [arguments[1], "--help"]
    with ending_in_words():
        if arguments[:1] == ["serve"]:
            _serve(arguments[1:])
        elif arguments[:1] in (["health-check"], ["health_check"]):
            _parse("health-check", HEALTH_CHECK_DESCRIPTION, arguments[1:])
            sys.exit(health_check.main())
        elif arguments in (["--version"], ["version"]):
            print(_version())  # noqa: T201
        else:
            if not {"-h", "--help"}.isdisjoint(arguments):
                os.environ.setdefault("ELASTICSEARCH_HOSTS", "https://localhost:9200")  # a description needs no cluster
            _Commands([NAME, *arguments]).execute()


@contextmanager
def ending_in_words() -> Iterator[None]:
    """Exit without a stack trace for a wrong setting (78), a full disk (74), a closed pipe (141), and on Ctrl-C (130)."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the locale may lack a character of a name
    try:
        try:
            yield
        finally:
            if sys.stdout:
                sys.stdout.flush()  # here and not when Python exits, because it may fail
    except ImproperlyConfigured as exc:
        print(f"Configuration: {exc}", file=sys.stderr)  # noqa: T201
        sys.exit(os.EX_CONFIG)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # `| head` has read enough
        _drop_output()
        sys.exit(128 + signal.SIGPIPE)
    except OSError as exc:
        if exc.errno not in NO_SPACE:
            raise
        print(f"Couldn't write: {exc.strerror}", file=sys.stderr)  # noqa: T201
        _drop_output()
        sys.exit(os.EX_IOERR)


def _version() -> str:
    """In a checkout, the last version that was released or built from it."""
    if paths.IS_INSTALLED:
        return version(NAME)
    project = tomllib.loads((paths.FILES / "pyproject.toml").read_text())["project"]
    return f"{project['version']} (checkout)"


def _drop_output() -> None:
    """What is left in the buffer would fail again when Python exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _serve(arguments: list[str]) -> NoReturn:
    """Become the server. Its settings are only read in other processes: here, old values would hide new ones at a reload."""
    _parse("serve", SERVE_DESCRIPTION, arguments)
    if code := paths.run_module(NAME, "check", stdout=subprocess.DEVNULL).returncode:
        sys.exit(code)
    # Only says what is wrong: the server also starts while Elasticsearch is unavailable.
    paths.run_module(NAME, "check", "--deploy", "--tag", "cluster", stdout=subprocess.DEVNULL)
    if not paths.IS_INSTALLED:
        paths.run_module(NAME, "collectstatic", "--noinput", "--verbosity", "0")
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", str(paths.PACKAGE / "gunicorn.py"), "usermgmt.asgi"]
    os.execve(sys.executable, gunicorn, paths.python_environment())  # noqa: S606


def _parse(command: str, description: str, arguments: list[str]) -> None:
    """Exits for any argument, and with the description for --help."""
    argparse.ArgumentParser(prog=f"{NAME} {command}", description=description).parse_args(arguments)


class _Commands(ManagementUtility):
    def fetch_command(self, subcommand: str) -> BaseCommand:
        return super().fetch_command(subcommand.replace("-", "_"))

    def main_help_text(self, commands_only: bool = False) -> str:
        """Only the commands of usermgmt, without reading a setting."""
        names = sorted(["serve", "check", "health-check", *find_commands(str(paths.PACKAGE.parent / "accounts" / "management"))])
        commands = [name.replace("_", "-") for name in names]
        if commands_only:
            return "\n".join(commands)
        lines = [f"Usage: {NAME} COMMAND [options]", "", "Commands:", *(f"  {name}" for name in commands), ""]
        return "\n".join([*lines, f"`{NAME} help COMMAND` describes a command, `{NAME} --version` prints the version."])
