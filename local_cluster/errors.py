"""Errors of a local cluster, with messages for the terminal."""


class LocalClusterError(Exception):
    """The base class."""


class NoJdk(LocalClusterError):
    """No installed JDK fits the Elasticsearch version."""


class BuildFailed(LocalClusterError):
    """Maven couldn't build the node."""


class PortTaken(LocalClusterError):
    """Another process listens on the requested port."""


class NodeFailed(LocalClusterError):
    """A node stopped, or wasn't ready in time; the message has the end of its log."""
