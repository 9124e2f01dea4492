"""Builds a node with Maven, once per version and state of the sources."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_cluster.errors import BuildFailed
from local_cluster.jdk import Jdk
from local_cluster.versions import Release, find_release

PROJECT = Path(__file__).resolve().parent.parent / "elasticsearch-node"
TARGET = PROJECT / "target"
STAMP = "built-from"


def build(version: str) -> Path:
    """The folder of the built node. Runs Maven only if it is missing or its sources have changed."""
    release = find_release(version)
    jdk = release.jdk()  # raises NoJdk before anything is built
    home = TARGET / f"node-{version}"
    TARGET.mkdir(exist_ok=True)
    with _one_builder_at_a_time():
        if not is_current(home):
            _assemble(release, jdk, home)
    return home


def is_current(home: Path) -> bool:
    """Whether the build is complete and up to date: an interrupted one has no stamp, which is written last."""
    stamp = home / STAMP
    return stamp.exists() and stamp.read_text() == fingerprint()


def fingerprint() -> str:
    """A hash of the names and contents of the sources. Times don't count, because a clone resets them."""
    digest = hashlib.sha256()
    for path in [PROJECT / "pom.xml", *sorted((PROJECT / "src").rglob("*"))]:
        if path.is_file():
            digest.update(f"{path.relative_to(PROJECT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


@contextmanager
def _one_builder_at_a_time() -> Iterator[None]:
    with (TARGET / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _assemble(release: Release, jdk: Jdk, home: Path) -> None:
    """Build in a temporary folder, then move the finished node in one step."""
    for leftover in TARGET.glob(".build-*"):  # of a killed build: the lock excludes running ones
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=TARGET) as work:
        _run_maven(release, jdk, Path(work))
        built = Path(work) / home.name
        (built / STAMP).write_text(fingerprint())
        if home.exists():
            shutil.rmtree(home)
        built.rename(home)


def _run_maven(release: Release, jdk: Jdk, work: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise BuildFailed("Maven (mvn) is not on the PATH")
    command = [maven, "-q", "-B", *release.maven_options, "package", f"-Dwork.folder={work}"]
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=os.environ | {"JAVA_HOME": str(jdk.home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildFailed(f"Maven couldn't build Elasticsearch {release.version}:\n{done.stdout[-4000:]}")
