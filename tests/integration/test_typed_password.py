"""`reset_password -i` at a real terminal: what is typed is taken and not shown, and Ctrl-C ends it."""

import os
import pty
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode, one_version
from tests.support.reset_password import ROOT, environment

pytestmark = one_version

# getpass talks to the controlling terminal, whatever standard input is. Tests that run in the background have Ctrl-C ignored.
AT_ITS_TERMINAL = (
    "import os, signal, sys; os.login_tty(0); signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
CTRL_C, CTRL_D = "\x03", "\x04"
CONFIRM, ENTER, AGAIN = "continue [y/N]", "\nEnter password for [{}]: ", "\nRe-enter password for [{}]: "
WANTED, OTHER = "a-password-that-is-typed-5920", "another-password-4418"


class Terminal:
    """The command at a terminal of its own, and the person in front of it."""

    def __init__(self, *args: str, **variables: str) -> None:
        self._ours, its = pty.openpty()
        self._shown = self._seen = b""
        command = [sys.executable, "-c", AT_ITS_TERMINAL, str(ROOT / "manage.py"), "reset_password", *args]
        self.process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment(**variables), cwd=ROOT)
        os.close(its)

    @property
    def shown(self) -> str:
        """All that was on the screen."""
        return (self._seen + self._shown).decode().replace("\r\n", "\n")

    @property
    def shows_what_is_typed(self) -> bool:
        return bool(termios.tcgetattr(self._ours)[3] & termios.ECHO)

    def answer(self, question: str, typed: str) -> None:
        """Wait for the question, which comes when the terminal is ready for the answer."""
        wanted = question.replace("\n", "\r\n").encode()
        while wanted not in self._shown:
            assert self._read(), self.shown
        before, question_shown, self._shown = self._shown.partition(wanted)
        self._seen += before + question_shown
        while not self._waits:
            time.sleep(0.001)
        os.write(self._ours, typed.encode())

    @property
    def _waits(self) -> bool:
        """Whether it reads by now. Python does not hear a Ctrl-C between asking and reading until something else is typed."""
        state = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2][0]
        return state == "S"

    def end(self) -> int:
        """Wait for it; its exit status."""
        while self._read():
            pass
        return self.process.wait()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def _read(self) -> bool:
        try:
            shown = os.read(self._ours, 4096)
        except OSError:  # the last one at the other end has left
            return False
        self._shown += shown
        return bool(shown)


@pytest.fixture
def terminal(node: TestNode) -> Iterator[Callable[..., Terminal]]:
    """Opens one for a user of that name."""
    opened: list[Terminal] = []

    def open_for(username: str, **variables: str) -> Terminal:
        node.put_user(username)
        configured = {
            "ELASTICSEARCH_HOSTS": node.url,
            "ELASTICSEARCH_API_KEY": node.api_key,
            "DJANGO_COLORS": "nocolor",
            **variables,
        }
        opened.append(Terminal("-u", username, "-i", **configured))
        return opened[-1]

    yield open_for
    for one in opened:
        one.close()


def test_a_password_is_typed_twice_and_never_shown(node: TestNode, terminal: Callable[..., Terminal]) -> None:
    """The caller's own too; and one that differs, or is weak, is told and asked for again."""
    at, name = terminal("typed-twice"), "typed-twice"
    at.answer("Password for elastic: ", f"{node.elastic_password}\n")
    at.answer(CONFIRM, "y\n")
    at.answer(ENTER.format(name), "short\n")
    at.answer(f"at least 8 characters.\nTry again.{ENTER}".format(name), f"{WANTED}\n")
    at.answer(AGAIN.format(name), f"{OTHER}\n")
    at.answer(f"\nPasswords do not match.\nTry again.{ENTER}".format(name), f"{WANTED}\n")
    at.answer(AGAIN.format(name), f"{WANTED}\n")
    assert at.end() == 0, at.shown
    assert f"{CONFIRM}y\n" in at.shown, "the terminal shows what is typed, unless it is a secret"
    assert [secret for secret in (node.elastic_password, "short", WANTED, OTHER) if secret in at.shown] == []
    assert at.shows_what_is_typed
    assert at.shown.endswith(f"\nPassword for the [{name}] user successfully reset.\n")
    assert node.signs_in(name, WANTED)


@pytest.mark.parametrize(("key", "code"), [(CTRL_C, 130), (CTRL_D, 65)])
@pytest.mark.parametrize("at_question", [CONFIRM, ENTER, AGAIN], ids=["confirm", "enter", "again"])
def test_interrupted_prompt_changes_nothing(
    node: TestNode, terminal: Callable[..., Terminal], key: str, code: int, at_question: str
) -> None:
    at, name = terminal("typed-and-left", ELASTICSEARCH_PASSWORD=node.elastic_password), "typed-and-left"
    for question, typed in ((CONFIRM, "y\n"), (ENTER, f"{WANTED}\n"), (AGAIN, "")):
        at.answer(question.format(name), key if question == at_question else typed)
        if question == at_question:
            break
    assert at.end() == code, at.shown
    assert ("Traceback" in at.shown, WANTED in at.shown, at.shows_what_is_typed) == (False, False, True)
    assert node.signs_in(name, PASSWORD)
