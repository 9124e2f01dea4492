"""The Elasticsearch versions that can be assembled, and what each needs."""

from dataclasses import dataclass

from local_cluster.errors import LocalClusterError, NoJdk
from local_cluster.jdk import Jdk, find_jdk


@dataclass(frozen=True)
class Release:
    """One Elasticsearch version: the JDKs it runs on and how Maven is told to take it."""

    version: str
    jdk_majors: range
    maven_options: tuple[str, ...] = ()

    def jdk(self) -> Jdk:
        """The JDK of this machine to run it with."""
        try:
            return find_jdk(self.jdk_majors)
        except NoJdk as error:
            raise NoJdk(f"Elasticsearch {self.version} can't run on this machine: {error}") from None


# The JDKs are those that were tried, and for the current major whatever comes.
RELEASES = (
    Release("8.19.21", range(17, 26)),
    Release("9.5.3", range(21, 100), ("-P9",)),
)
VERSIONS = tuple(release.version for release in RELEASES)


def find_release(version: str) -> Release:
    """The release of that name."""
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
