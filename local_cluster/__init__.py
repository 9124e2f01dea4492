"""Starts and stops real Elasticsearch nodes on this machine, for the demo, the tests, and the benchmarks.

with Cluster(folder) as cluster:
    cluster.client().security.get_user()
"""

from local_cluster.cluster import Cluster, basic
from local_cluster.errors import BuildFailed, LocalClusterError, NodeFailed, NoJdk, PortTaken
from local_cluster.node import Node
from local_cluster.versions import VERSIONS, available_versions

__all__ = [
    "VERSIONS",
    "BuildFailed",
    "Cluster",
    "LocalClusterError",
    "NoJdk",
    "Node",
    "NodeFailed",
    "PortTaken",
    "available_versions",
    "basic",
]
