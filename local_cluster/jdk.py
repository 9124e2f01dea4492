"""Finds a JDK that an Elasticsearch version runs on."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local_cluster.errors import NoJdk

JVM_FOLDERS = Path("/usr/lib/jvm")


@dataclass(frozen=True)
class Jdk:
    """An installed JDK."""

    home: Path
    major: int

    @property
    def java(self) -> Path:
        return self.home / "bin/java"


def find_jdk(majors: range) -> Jdk:
    """The first matching JDK: JAVA_HOME, then the PATH, then the oldest in JVM_FOLDERS. Raises NoJdk."""
    for jdk in installed_jdks():
        if jdk.major in majors:
            return jdk
    raise NoJdk(f"no JDK from {majors.start} to {majors.stop - 1} found in JAVA_HOME, on the PATH, or in {JVM_FOLDERS}")


def installed_jdks() -> Iterator[Jdk]:
    """All JDKs of this machine, in order of preference."""
    java = shutil.which("javac")
    if home := os.environ.get("JAVA_HOME"):
        yield from read_jdk(Path(home))
    if java:
        yield from read_jdk(Path(java).resolve().parent.parent)
    folders = JVM_FOLDERS.iterdir() if JVM_FOLDERS.is_dir() else ()
    found = [jdk for folder in sorted(folders) for jdk in read_jdk(folder)]
    yield from sorted(found, key=lambda jdk: jdk.major)


def read_jdk(home: Path) -> list[Jdk]:
    """The JDK in this folder; empty if there is none or only a JRE, which has no compiler."""
    release = home / "release"
    if not (home / "bin/javac").exists() or not release.exists():
        return []
    version = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', release.read_text(), re.MULTILINE)
    return [Jdk(home, int(version[1]))] if version else []
