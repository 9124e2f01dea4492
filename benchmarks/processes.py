"""Child processes: start them, stop them whenever this process ends, and measure their memory and CPU time."""

import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local_cluster.node import wait_for

TOP = Path(__file__).resolve().parent.parent
START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 20
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class NotStarted(Exception):
    """A program didn't start. The message has the end of its log."""


@contextmanager
def running(
    command: list[str],
    ready: Callable[[], bool],
    log: Path,
    *,
    environment: Mapping[str, str],
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[int]:
    """Run a program until the end of the block; yields its process ID when `ready` is true. Raises NotStarted."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*_parent_death_signal(stop), *command],
            cwd=TOP,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C must reach only this process, which stops the others in order
        )
    try:
        if not wait_for(lambda: process.poll() is not None or ready(), START_TIMEOUT_SECONDS) or process.poll() is not None:
            raise NotStarted(f"{' '.join(command)} did not start:\n{log.read_text(errors='replace')[-4000:]}")
        yield process.pid
    finally:
        _stop(process, stop)


def answers(url: str) -> bool:
    """Whether a server responds at the URL, with any status."""
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def worker(pid: int) -> int:
    """The process ID of the only worker of a gunicorn."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def memory(pid: int) -> int:
    """The resident set size of a process, in bytes."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def processor_seconds(pid: int) -> float:
    """CPU seconds of a process since its start: all threads, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def _parent_death_signal(stop: signal.Signals) -> list[str]:
    """A command prefix that makes Linux stop the program even if this process is killed; empty without setpriv."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", stop.name.removeprefix("SIG"), "--"] if setpriv else []


def _stop(process: "subprocess.Popen[bytes]", stop: signal.Signals) -> None:
    process.send_signal(stop)
    try:
        process.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
