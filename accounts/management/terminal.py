"""How a command talks to a person: what is said where, and what is asked, as Elasticsearch's own tools do it."""

import getpass
import os
import sys
from enum import IntEnum

from django.core.management.base import OutputWrapper
from django.views.decorators.debug import sensitive_variables


class Failure(Exception):
    """The command ends here, with a message for the person and an exit code (sysexits.h)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Verbosity(IntEnum):
    """How much is said."""

    SILENT = 0
    NORMAL = 1
    VERBOSE = 2


class Terminal:
    """Standard output and error, as talkative as the person wants it; questions go to standard error."""

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper, verbosity: Verbosity) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._verbosity = verbosity

    def say(self, text: str, *, ending: str = "\n", at: Verbosity = Verbosity.NORMAL) -> None:
        """To standard output, unless less is wanted."""
        if self._verbosity >= at:
            self._stdout.write(text, ending=ending)
            self._stdout.flush()  # whoever waits at the other end of a pipe learns it now

    def result(self, text: str) -> None:
        """What the command is run for; always said."""
        self.say(text, at=Verbosity.SILENT)

    def progress(self, done: int, of: int) -> None:
        """On a terminal, in one line that changes."""
        if self._verbosity >= Verbosity.NORMAL and self._stderr.isatty():
            self._stderr.write(f"\r{done}/{of}", style_func=str, ending="\n" if done == of else "")
            self._stderr.flush()

    def explain(self, text: str) -> None:
        """A step, for who wants to see them all."""
        self.say(text, at=Verbosity.VERBOSE)

    def warn(self, text: str) -> None:
        """To standard error, unless silent."""
        if self._verbosity >= Verbosity.NORMAL:
            self._stderr.write(text)

    def fail(self, message: str) -> None:
        """Why the command ends; always said."""
        self.warn("\n")
        self._stderr.write(f"ERROR: {message}")

    def confirm(self) -> bool:
        """Ask whether to go on; nothing typed means no. Raises Failure when nobody can answer."""
        while True:
            answer = self._ask("Please confirm that you would like to continue [y/N]").lower()
            if answer in ("y", "n", ""):
                return answer == "y"
            self.warn(f"Did not understand answer '{answer}'")

    @sensitive_variables()
    def secret(self, prompt: str) -> str:
        """Ask for a password; it does not show on a terminal. Raises Failure when nobody can answer."""
        if not sys.stdin.isatty():
            return self._ask(prompt)
        try:
            return getpass.getpass(prompt)
        except EOFError:
            raise _nobody() from None

    @sensitive_variables()
    def _ask(self, prompt: str) -> str:
        self._stderr.write(prompt, style_func=str, ending="")
        self._stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise _nobody()
        return line.removesuffix("\n")


def _nobody() -> Failure:
    return Failure(os.EX_DATAERR, "unable to read from standard input; is standard input open and a tty attached?")
