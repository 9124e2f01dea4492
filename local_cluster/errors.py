"""What can go wrong with a local cluster, each with a sentence for the person at the terminal."""


class LocalClusterError(Exception):
    """The common ancestor."""


class NoJdk(LocalClusterError):
    """No installed JDK fits the Elasticsearch version."""


class BuildFailed(LocalClusterError):
    """Maven could not assemble the node."""


class PortTaken(LocalClusterError):
    """Another process listens on the port that was asked for."""


class NodeFailed(LocalClusterError):
    """A node ended, or was not ready in time; carries the end of its log."""
