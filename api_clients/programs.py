"""The programs: what each of them needs, and what it writes about the responses it gets."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.processes import TOP

HERE: Final = TOP / "api_clients"
INSTALLED: Final = TOP / ".api-clients"
PYTHON: Final = INSTALLED / "python" / "bin"
TIMEOUT_SECONDS: Final = 120
CHANGES: Final = re.compile(r"(?:create|update|password|enable|disable|delete) 200 ")


class ProgramFailed(Exception):
    """A program ended with an error of its own. The message has the end of its output."""


@dataclass(frozen=True)
class Program:
    """`needs`: on the PATH. `node_major`: the only major version of nodes that it accepts, 0 for all.

    It writes its name and version, and then for each call a line with the step, the status, and the body.
    """

    name: str
    command: tuple[str, ...]
    needs: str
    node_major: int = 0

    @property
    def is_possible(self) -> bool:
        return shutil.which(self.needs, path=f"{os.environ['PATH']}:{INSTALLED}") is not None

    def run(self, results: Path, environment: Mapping[str, str]) -> list[str]:
        """The lines that it writes. Raises ProgramFailed."""
        done = subprocess.run(
            self.command,
            cwd=HERE,
            env=os.environ | environment | {"RESULTS": str(results)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ProgramFailed(f"{self.name} failed with exit status {done.returncode}:\n{done.stdout[-4000:]}")
        return results.read_text().splitlines()


PROGRAMS: Final = (
    Program("curl", ("bash", "curl.sh"), "curl"),
    Program("ansible", (str(PYTHON / "ansible-playbook"), "--inventory", "localhost,", "ansible.yml"), "bash"),
    Program("go", (str(INSTALLED / "go-client"),), "go-client"),
    Program("javascript", ("node", "javascript/main.mjs"), "node"),
    Program("python", (str(PYTHON / "python"), "elasticsearch_py.py"), "bash", node_major=9),
)


def changes(lines: list[str]) -> int:
    """How many changes were made, by the lines that a program wrote."""
    return sum(bool(CHANGES.match(line)) for line in lines)
