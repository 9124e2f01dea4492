"""One Elasticsearch process with its own home folder: config/, data/, logs/, tmp/."""

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

# Longer than the launcher waits for Elasticsearch before it halts the JVM.
SECONDS_TO_STOP = 30
LOG_TAIL_LINES = 30
# Variables that a JVM may need. Others, such as passwords, aren't inherited.
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
JAVA_FLAGS = (
    "-XX:TieredStopAtLevel=1",  # a fifth off the startup time; peak performance isn't needed
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",  # no files in the system's temporary folder
    "-XX:+ExitOnOutOfMemoryError",
    "-Dlog4j.shutdownHookEnabled=false",  # else the log ends before the node
)


@dataclass
class Node:
    """Starts, stops, and kills one node. Created by `Cluster`."""

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
        scheme = "https" if self.settings.get("xpack.security.http.ssl.enabled") == "true" else "http"
        return f"{scheme}://127.0.0.1:{self.http_port}"

    @property
    def log(self) -> Path:
        """The log since the last start."""
        return self.home / "logs/node.log"

    @property
    def is_running(self) -> bool:
        """Whether the process is running."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """The process ID, also after its end. Raises NodeFailed if the node was never started."""
        if self.process is None:
            raise NodeFailed("the node was never started")
        return self.process.pid

    def start(self) -> None:
        """Start the node and wait until it is ready."""
        self.spawn()
        self.wait_until_ready(self)

    def spawn(self) -> None:
        """Start the process without waiting."""
        self._write_home()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command(),
                cwd=self.home,
                env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C must reach only the parent, which stops the node
            )
        # The pipe stays open: the node stops when it is closed, also when this process is killed.
        if self.process.stdin:
            with contextlib.suppress(BrokenPipeError):  # the process has ended; fail_if_stopped reports it
                self.process.stdin.write(f"{self.password}\n".encode())
                self.process.stdin.flush()

    def stop(self) -> None:
        """Stop the node and wait until it has stopped."""
        self.request_stop()
        self.wait_until_stopped()

    def request_stop(self) -> None:
        """Close the pipe, which stops the node."""
        if self.is_running:
            self.resume()  # a paused node would not notice
        if self.process and self.process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()

    def wait_until_stopped(self) -> None:
        """Wait until the node has stopped; kill it after SECONDS_TO_STOP."""
        if self.process:
            try:
                self.process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """Kill the node, like a power failure."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.request_stop()

    def pause(self) -> None:
        """Pause the process: its port accepts connections but doesn't respond."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a paused process."""
        os.kill(self.pid, signal.SIGCONT)

    def fail_if_stopped(self) -> None:
        """Raise NodeFailed with the end of the log if the process has ended."""
        if not self.is_running:
            raise NodeFailed(f"Elasticsearch stopped during startup. Last lines of {self.log}:\n{self.log_tail()}")

    def log_text(self) -> str:
        """The log since the last start; "" if there is none."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self) -> str:
        """The end of the log for an error message, without stack frames, which would push the reason out."""
        lines = [line for line in self.log_text().splitlines() if "\tat " not in line]
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def _write_home(self) -> None:
        for folder in ("config", "logs", "plugins", "tmp"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(self.build / "config/log4j2.properties", self.home / "config")
        (self.home / "config/elasticsearch.yml").write_text(render_settings(self.settings))
        # An empty file realm, as in the distribution of Elasticsearch.
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
    """The content of elasticsearch.yml. All values are quoted, so that YAML reads them as strings."""
    return "".join(f"{name}: '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items())


def wait_for(ready: Callable[[], bool], seconds: float) -> bool:
    """Poll until `ready` returns True; False after the timeout."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
