"""The supported Elasticsearch versions and their requirements."""

from dataclasses import dataclass

from local_cluster.errors import LocalClusterError, NoJdk
from local_cluster.jdk import Jdk, find_jdk


@dataclass(frozen=True)
class Release:
    """One Elasticsearch version, its supported JDKs, and the Maven options that select it."""

    version: str
    jdk_majors: range
    maven_options: tuple[str, ...] = ()

    def jdk(self) -> Jdk:
        """A JDK of this machine that can run it. Raises NoJdk."""
        try:
            return find_jdk(self.jdk_majors)
        except NoJdk as error:
            raise NoJdk(f"Elasticsearch {self.version} can't run on this machine: {error}") from None


# Tested JDKs; for the current major version also later ones.
RELEASES = (
    Release("8.19.21", range(17, 26)),
    Release("9.5.3", range(21, 100), ("-P9",)),
)
VERSIONS = tuple(release.version for release in RELEASES)


def find_release(version: str) -> Release:
    """The release of this version. Raises LocalClusterError."""
    for release in RELEASES:
        if release.version == version:
            return release
    raise LocalClusterError(f"Elasticsearch {version} isn't supported. Choose one of {', '.join(VERSIONS)}")


def available_versions() -> tuple[str, ...]:
    """The versions that a JDK of this machine can run."""
    return tuple(release.version for release in RELEASES if _has_jdk(release))


def _has_jdk(release: Release) -> bool:
    try:
        release.jdk()
    except NoJdk:
        return False
    return True
