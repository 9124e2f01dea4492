"""One Elasticsearch process with a home of its own: config/, data/, logs/, tmp/."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local_cluster.errors import NodeFailed
from local_cluster.jdk import Jdk

# More than the launcher gives Elasticsearch to stop before it halts the JVM.
SECONDS_TO_STOP = 30
LOG_TAIL_LINES = 30
# Variables that a JVM may need; everything else, such as a password, stays with the parent.
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
JAVA_FLAGS = (
    "-XX:TieredStopAtLevel=1",  # starts a fifth quicker, and nobody waits for peak speed
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",  # leaves no files in the system's temporary folder
    "-XX:+ExitOnOutOfMemoryError",
    "-Dlog4j.shutdownHookEnabled=false",  # or the log would end before the node does
)


@dataclass
class Node:
    """Starts, stops and kills one node. `cluster` gives `settings` and `wait_until_ready`."""

    home: Path
    build: Path
    jdk: Jdk
    heap: str
    java_flags: tuple[str, ...]
    password: str = field(repr=False)
    http_port: int
    transport_port: int
    settings: dict[str, str]
    wait_until_ready: Callable[["Node"], None]
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Where clients connect."""
        scheme = "https" if self.settings.get("xpack.security.http.ssl.enabled") == "true" else "http"
        return f"{scheme}://127.0.0.1:{self.http_port}"

    @property
    def log(self) -> Path:
        """What the node says, since its last start."""
        return self.home / "logs/node.log"

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """The process, also after its end."""
        if self.process is None:
            raise NodeFailed("the node was never started")
        return self.process.pid

    def start(self) -> None:
        """Start and come back when the node is ready."""
        self.spawn()
        self.wait_until_ready(self)

    def spawn(self) -> None:
        """Start the process and come back at once."""
        self._write_home()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command(),
                cwd=self.home,
                env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the parent, which stops the node in its own time
            )
        # The pipe stays open: its end, also by the death of this process, tells the node to stop.
        if self.process.stdin:
            with contextlib.suppress(BrokenPipeError):  # it is gone already, as fail_if_gone will say
                self.process.stdin.write(f"{self.password}\n".encode())
                self.process.stdin.flush()

    def stop(self) -> None:
        """Ask the node to stop and wait until it is gone."""
        self.ask_to_stop()
        self.wait_until_gone()

    def ask_to_stop(self) -> None:
        """Close the lifeline."""
        if self.is_running:
            self.resume()  # paused, it would not notice
        if self.process and self.process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()

    def wait_until_gone(self) -> None:
        """Wait for the end, and force it when it does not come."""
        if self.process:
            try:
                self.process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End the node as a power failure would."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.ask_to_stop()

    def pause(self) -> None:
        """Freeze the process: its port accepts connections, and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        os.kill(self.pid, signal.SIGCONT)

    def fail_if_gone(self) -> None:
        """Raise, with the end of the log, when the process has ended."""
        if not self.is_running:
            raise NodeFailed(f"Elasticsearch stopped during startup. Last lines of {self.log}:\n{self.log_tail()}")

    def log_text(self) -> str:
        """All that the node has said since its last start."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self) -> str:
        """The end of the log, for an error message; without stack frames, between which the reason would get lost."""
        lines = [line for line in self.log_text().splitlines() if "\tat " not in line]
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def _write_home(self) -> None:
        for folder in ("config", "logs", "plugins", "tmp"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(self.build / "config/log4j2.properties", self.home / "config")
        (self.home / "config/elasticsearch.yml").write_text(render_settings(self.settings))
        # The file realm, without users, as Elasticsearch ships it.
        for file in ("users", "users_roles"):
            (self.home / "config" / file).touch(mode=0o660)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".previous.log"))

    def _command(self) -> list[str]:
        return [
            str(self.jdk.java),
            *JAVA_FLAGS,
            *self.java_flags,
            f"-Xms{self.heap}",
            f"-Xmx{self.heap}",
            f"-Djava.io.tmpdir={self.home / 'tmp'}",
            f"-XX:ErrorFile={self.home / 'logs/crash.log'}",
            *("-cp", f"{self.build / 'lib'}/*"),
            "launcher.Launcher",
            str(self.build / "modules"),
            str(self.home),
        ]


def render_settings(settings: dict[str, str]) -> str:
    """The lines of elasticsearch.yml; every value is quoted, so that none is read as something else."""
    return "".join(f"{name}: '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items())


def wait_for(ready: Callable[[], bool], seconds: float) -> bool:
    """Ask until the answer is yes; False when the time is over."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
