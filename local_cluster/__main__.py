"""`python -m local_cluster`: builds every version that a JDK of this machine can run."""

import sys

from local_cluster.build import build
from local_cluster.errors import LocalClusterError, NoJdk
from local_cluster.versions import RELEASES


def main() -> None:
    """Build each version and print its path, or why it is skipped."""
    for release in RELEASES:
        try:
            sys.stdout.write(f"Elasticsearch {release.version}: {build(release.version)}\n")
        except NoJdk as error:
            sys.stdout.write(f"Skipped: {error}.\n")
        except LocalClusterError as error:
            sys.exit(str(error))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
