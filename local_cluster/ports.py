"""Free TCP ports on the loopback address."""

import random
import socket

from local_cluster.errors import PortTaken

LOOPBACK = "127.0.0.1"
# Below the range that systems take outgoing connections from, or such a connection could sit on the port of a
# node that is being started again.
CANDIDATES = range(20000, 32000)


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        # As the server does; else a port whose last connections just ended would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Different ports, chosen at random so that two clusters that start at once rarely meet."""
    ports: list[int] = []
    for port in random.sample(CANDIDATES, len(CANDIDATES)):
        if len(ports) == count:
            break
        if is_free(port):
            ports.append(port)
    return ports


def require_free(port: int) -> None:
    """Raise where another process listens."""
    if not is_free(port):
        raise PortTaken(f"port {port} is in use by another process")
