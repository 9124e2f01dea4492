"""Terminal input and output of a command, in the style of Elasticsearch's command-line tools."""

import getpass
import os
import sys
from collections.abc import Callable
from enum import IntEnum

from django.core.management.base import OutputWrapper
from django.views.decorators.debug import sensitive_variables


class Failure(Exception):
    """Ends the command with a message and an exit code (sysexits.h)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Verbosity(IntEnum):
    SILENT = 0
    NORMAL = 1
    VERBOSE = 2


class Terminal:
    """Standard output and error with a verbosity; prompts go to standard error."""

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper, verbosity: Verbosity) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._verbosity = verbosity

    def say(self, text: str, *, ending: str = "\n", at: Verbosity = Verbosity.NORMAL) -> None:
        """Write to standard output from the verbosity `at`."""
        if self._verbosity >= at:
            self._stdout.write(text, ending=ending)
            self._stdout.flush()  # a process at the other end of a pipe may wait for it

    def result(self, text: str) -> None:
        """Write the result, at any verbosity."""
        self.say(text, at=Verbosity.SILENT)

    def progress(self, done: int, of: int) -> None:
        """Show the progress in one line, on a terminal only."""
        if self._verbosity >= Verbosity.NORMAL and self._stderr.isatty():
            self._stderr.write(f"\r{done}/{of}", style_func=str, ending="\n" if done == of else "")
            self._stderr.flush()

    def explain(self, text: str) -> None:
        """Write a step, only if verbose."""
        self.say(text, at=Verbosity.VERBOSE)

    def warn(self, text: str) -> None:
        """Write to standard error, unless silent."""
        if self._verbosity >= Verbosity.NORMAL:
            self._stderr.write(text)

    def fail(self, message: str) -> None:
        """Write the error that ends the command, at any verbosity."""
        self.warn("\n")
        self._stderr.write(f"ERROR: {message}")

    def confirm(self) -> bool:
        """Prompt for confirmation; an empty answer means no. Raises Failure if there is no input."""
        while True:
            answer = self._ask("Please confirm that you would like to continue [y/N]").strip().lower()
            if answer in ("y", "yes", "n", "no", ""):
                return answer in ("y", "yes")
            self.warn(f"Did not understand answer '{answer}'")

    @sensitive_variables()
    def secret(self, prompt: str) -> str:
        """Prompt for a password without echo. Raises Failure if there is no input, or if it isn't text."""
        if not sys.stdin.isatty():
            return self._ask(prompt)
        return _read(lambda: getpass.getpass(prompt))

    @sensitive_variables()
    def _ask(self, prompt: str) -> str:
        self._stderr.write(prompt, style_func=str, ending="")
        self._stderr.flush()
        return _read(_line)


@sensitive_variables()
def _read(read: Callable[[], str]) -> str:
    try:
        answer = read()
        answer.encode()  # Python may have let other bytes than UTF-8 through as surrogates
        return answer
    except EOFError:
        message = "unable to read from standard input; is standard input open and a tty attached?"
    except UnicodeError:
        message = "unable to read the answer, because it is not UTF-8; check the encoding of the terminal"
    raise Failure(os.EX_DATAERR, message)


@sensitive_variables()
def _line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.removesuffix("\n").removesuffix("\r")
