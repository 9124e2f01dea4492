"""`python -m benchmarks`: run by script/bench after it has installed Python, Java, and the locked dependencies."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from benchmarks import ablation, access, postgres, user_api
from benchmarks.bench import Bench
from benchmarks.client import Failed
from benchmarks.machine import machine
from benchmarks.postgres import NoPostgres
from benchmarks.processes import TOP, NotStarted
from benchmarks.report import report
from benchmarks.results import Run
from benchmarks.shop import Shop, shop
from local_cluster import Cluster, LocalClusterError

REPORT = TOP / "docs" / "benchmarks.md"
# Nodes of local_cluster start quickly but stay slow; this option makes the JVM compile as in production.
JAVA_FLAGS = ["-XX:TieredStopAtLevel=4"]

# 50,000 API keys are created in a minute instead of ten.
SETTINGS = {"xpack.security.authc.api_key.hashing.algorithm": "ssha256"}


def main() -> int:
    """Measure and write the report; returns the exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    options = _options()
    try:
        with tempfile.TemporaryDirectory(prefix="usermgmt-bench-") as folder:
            if options.ablation:
                ablation.write(_ablation(Path(folder), options))
                return 0
            if options.user_api:
                found = _user_api(Path(folder), options)
                user_api.write(found)
                print(user_api.table(found))
                return 0
            text = report(_run(Path(folder), options))
    except (LocalClusterError, NotStarted, Failed) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. No report was written.", file=sys.stderr)
        return 1
    options.report.write_text(text)
    print(text, f"\nWritten to {options.report}.", sep="")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench", description="Benchmarks usermgmt on a node with many users.")
    parser.add_argument(
        "--users", type=_numbers, default=[1_000, 10_000, 100_000], help="numbers of users, comma-separated (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=100, help="rounds for each number of users (default: %(default)s)")
    parser.add_argument(
        "--ablation", action="store_true", help="measure what each trick saves, with most users; writes docs/performance.md"
    )
    parser.add_argument(
        "--user-api", action="store_true", help=f"measure the user API with {user_api.USERS:,} users; writes docs/performance.md"
    )
    parser.add_argument(
        "--java-flag", action="append", help=f"JVM option of the node, repeatable (default: {' '.join(JAVA_FLAGS)})"
    )
    parser.add_argument("--report", type=Path, default=REPORT, help="file for the report (default: %(default)s)")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    numbers = sorted({int(part) for part in text.split(",")})
    if numbers[0] < 200:
        raise argparse.ArgumentTypeError("must be at least 200, or there are not enough pages")
    return numbers


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(folder: Path, options: argparse.Namespace) -> Run:
    with ExitStack() as running:
        with _step("Starting Elasticsearch"):
            flags = tuple(options.java_flag or JAVA_FLAGS)
            cluster = running.enter_context(Cluster(folder / "node", heap="1g", java_flags=flags, settings=SETTINGS))
        with _step("Starting PostgreSQL"):
            comparison = _shop(running, folder)
        with _step("Setting up"):
            bench = running.enter_context(Bench(folder, cluster, comparison, options.rounds))
        results = []
        for users in options.users:
            with _step(f"Loading {users:,} users"):
                bench.load(users)
            with _step(f"Measuring at {users:,} users"):
                results.append(bench.measure())
        with _step("Measuring bulk changes"):
            changes = bench.measure_changes()
        with _step(f"Loading {access.API_KEYS:,} API keys"):
            bench.load_access()
        with _step("Measuring Access"):
            found = bench.measure_access()
        command = " ".join(["script/bench", *sys.argv[1:]])
        return Run(command, options.rounds, results, changes, found, machine(cluster, postgres.version() if comparison else ""))


def _ablation(folder: Path, options: argparse.Namespace) -> ablation.Ablation:
    users = max(options.users)
    with _loaded(folder, options, users) as bench:
        with _step(f"Loading {access.API_KEYS:,} API keys"):
            bench.load_access()
        with _step("Measuring"):
            on = machine(bench.cluster, "")["Machine"]
            return ablation.measure(folder, bench.node, bench.password, users, options.rounds, on)


def _user_api(folder: Path, options: argparse.Namespace) -> user_api.UserApi:
    with _loaded(folder, options, user_api.USERS) as bench, _step("Measuring"):
        return user_api.measure(folder, bench.node, options.rounds, machine(bench.cluster, "")["Machine"])


@contextmanager
def _loaded(folder: Path, options: argparse.Namespace, users: int) -> Iterator[Bench]:
    """A node with this number of users, without the Django admin."""
    with ExitStack() as running:
        with _step("Starting Elasticsearch"):
            flags = tuple(options.java_flag or JAVA_FLAGS)
            cluster = running.enter_context(Cluster(folder / "node", heap="1g", java_flags=flags, settings=SETTINGS))
        bench = running.enter_context(Bench(folder, cluster, None, options.rounds))
        with _step(f"Loading {users:,} users"):
            bench.load(users)
        yield bench


def _shop(running: ExitStack, folder: Path) -> Shop | None:
    try:
        return running.enter_context(shop(folder))
    except NoPostgres as reason:
        print(f"\nSkipping the comparison with the Django admin: {reason}.", file=sys.stderr)
        return None


@contextmanager
def _step(title: str) -> Iterator[None]:
    start = time.monotonic()
    print(f"{title} …", end="", file=sys.stderr, flush=True)
    yield
    print(f" {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
