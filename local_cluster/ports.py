"""Free TCP ports on the loopback address."""

import random
import socket

from local_cluster.errors import PortTaken

LOOPBACK = "127.0.0.1"
# Below the ephemeral port range: an outgoing connection could occupy the port of a
# node that is restarted.
CANDIDATES = range(20000, 32000)


def is_free(port: int) -> bool:
    """Whether a server can listen on the port now."""
    with socket.socket() as probe:
        # As the server does; else a port with recently closed connections would count as in use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Different free ports, random so that clusters that start at the same time rarely collide."""
    ports: list[int] = []
    for port in random.sample(CANDIDATES, len(CANDIDATES)):
        if len(ports) == count:
            break
        if is_free(port):
            ports.append(port)
    return ports


def require_free(port: int) -> None:
    """Raise PortTaken if another process listens on the port."""
    if not is_free(port):
        raise PortTaken(f"port {port} is in use by another process")
