"""`python packaging/node.py FOLDER PORT`: an Elasticsearch node for script/release-check, until it is terminated.

Its elastic password is in FOLDER/password.
"""

import signal
import sys
from pathlib import Path

from local_cluster import Cluster

if __name__ == "__main__":
    with Cluster(Path(sys.argv[1]), http_port=int(sys.argv[2])):
        signal.sigwait([signal.SIGTERM, signal.SIGINT])
