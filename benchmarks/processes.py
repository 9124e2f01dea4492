"""Programs that run beside us: started, ended with us in whatever way we end, and what they use."""

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
SECONDS_TO_START = 60
SECONDS_TO_STOP = 20
TICKS = os.sysconf("SC_CLK_TCK")


class NotStarted(Exception):
    """A program did not start; carries the end of its log."""


@contextmanager
def running(
    command: list[str],
    ready: Callable[[], bool],
    log: Path,
    *,
    environment: Mapping[str, str],
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[int]:
    """The program's process id, from the moment it is ready until the end of the block. Raises NotStarted."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*_ends_with_us(stop), *command],
            cwd=TOP,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us, who stop everything in order
        )
    try:
        if not wait_for(lambda: process.poll() is not None or ready(), SECONDS_TO_START) or process.poll() is not None:
            raise NotStarted(f"{' '.join(command)} did not start:\n{log.read_text(errors='replace')[-4000:]}")
        yield process.pid
    finally:
        _stop(process, stop)


def answers(url: str) -> bool:
    """Whether something is served there, be it a refusal."""
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def worker(pid: int) -> int:
    """The one process that a gunicorn serves with."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def memory(pid: int) -> int:
    """Bytes of the machine's memory that a process uses."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def processor_seconds(pid: int) -> float:
    """What a process has used since its start, all threads, in the program and in the kernel for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _ends_with_us(stop: signal.Signals) -> list[str]:
    """Where the system can, it ends the program also when we are killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", stop.name.removeprefix("SIG"), "--"] if setpriv else []


def _stop(process: "subprocess.Popen[bytes]", stop: signal.Signals) -> None:
    process.send_signal(stop)
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
