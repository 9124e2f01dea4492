"""A cluster of one or three real nodes in one folder."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from elasticsearch import ApiError, AuthenticationException, Elasticsearch, TransportError

from local_cluster.build import build
from local_cluster.errors import LocalClusterError, NodeFailed, PortTaken
from local_cluster.node import Node, wait_for
from local_cluster.ports import LOOPBACK, free_ports, require_free
from local_cluster.secret import keep_secret
from local_cluster.versions import VERSIONS, find_release

SECONDS_TO_START = 120
ATTEMPTS = 3  # another process can take a port between the check and the start


class Cluster:
    """Real Elasticsearch nodes. Data and elastic password are stored in `folder` for the next start.

    `password` is used only at the first start of a folder. `api_key` is a fallback for the readiness check, if
    the elastic password has been changed. `ca_certs` is for nodes with HTTPS in their `settings`.
    """

    def __init__(
        self,
        folder: Path,
        version: str = VERSIONS[0],
        *,
        nodes: int = 1,
        password: str | None = None,
        http_port: int | None = None,
        heap: str = "512m",
        settings: Mapping[str, str] | None = None,
        java_flags: tuple[str, ...] = (),
        api_key: str | None = None,
        ca_certs: Path | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.version = version
        self.http_port = http_port
        self.heap = heap
        self.settings = dict(settings or {})
        self.java_flags = java_flags
        self.api_key = api_key
        self.tls: dict[str, Any] = {"ca_certs": str(ca_certs)} if ca_certs else {}
        self.password = keep_secret(self.folder / "password", password)
        if password and password != self.password:
            raise LocalClusterError(f"{self.folder} was created with a different elastic password")
        self.size = nodes
        self.nodes: list[Node] = []

    @property
    def urls(self) -> list[str]:
        """The URLs of the nodes."""
        return [node.url for node in self.nodes]

    @property
    def logs(self) -> list[Path]:
        return [node.log for node in self.nodes]

    def client(self, **options: Any) -> Elasticsearch:
        """A client of all nodes with the elastic user's credentials."""
        return Elasticsearch(self.urls, basic_auth=basic("elastic", self.password), **self.tls, **options)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Build the version if needed, start all nodes, and wait until the security API of each is available."""
        if self.http_port:
            require_free(self.http_port)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._start_on_new_ports()
            except PortTaken:
                if attempt == ATTEMPTS:
                    raise

    def stop(self) -> None:
        """Stop all nodes, together."""
        for node in self.nodes:
            node.request_stop()
        for node in self.nodes:
            node.wait_until_stopped()

    def _start_on_new_ports(self) -> None:
        self.nodes = self._make_nodes()
        try:
            for node in self.nodes:
                node.spawn()
            for node in self.nodes:
                self._wait_until_ready(node)
        except BaseException:
            self.stop()
            raise

    def _make_nodes(self) -> list[Node]:
        release = find_release(self.version)
        home, jdk = build(self.version), release.jdk()
        ports = free_ports(2 * self.size)
        http, transport = ports[: self.size], ports[self.size :]
        if self.http_port:
            http[0] = self.http_port
        return [
            Node(
                home=self.folder / f"node-{number}",
                build=home,
                jdk=jdk,
                heap=self.heap,
                java_flags=self.java_flags,
                password=self.password,
                http_port=http[number - 1],
                transport_port=transport[number - 1],
                settings=self._settings(number, http, transport),
                wait_until_ready=self._wait_until_ready,
            )
            for number in range(1, self.size + 1)
        ]

    def _settings(self, number: int, http: list[int], transport: list[int]) -> dict[str, str]:
        return {
            "cluster.name": self._name(),
            "node.name": f"node-{number}",
            "network.host": LOOPBACK,
            "http.port": str(http[number - 1]),
            "transport.port": str(transport[number - 1]),
            "xpack.security.enabled": "true",
            "xpack.security.http.ssl.enabled": "false",
            "xpack.security.transport.ssl.enabled": "false",
            # A nearly full disk must not make the node read-only.
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            **self._discovery(transport),
            **self.settings,
        }

    def _name(self) -> str:
        """Unique for each folder, so that a node never joins another cluster that now uses a port of its own."""
        return f"local-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]}"

    def _discovery(self, transport: list[int]) -> dict[str, str]:
        if self.size == 1:
            return {"discovery.type": "single-node"}
        return {
            "discovery.seed_hosts": ",".join(f"{LOOPBACK}:{port}" for port in transport),
            "cluster.initial_master_nodes": ",".join(f"node-{number}" for number in range(1, self.size + 1)),
        }

    def _wait_until_ready(self, node: Node) -> None:
        with Elasticsearch(node.url, max_retries=0, request_timeout=10, **self.tls) as client:
            if not wait_for(lambda: self._is_ready(node, client), SECONDS_TO_START):
                raise NodeFailed(f"{self._why_not_ready(client)}. Last lines of {node.log}:\n{node.log_tail()}")

    def _why_not_ready(self, client: Elasticsearch) -> str:
        try:
            client.options(basic_auth=basic("elastic", self.password)).security.authenticate()
        except AuthenticationException:
            return f"Elasticsearch rejected the elastic password in {self.folder / 'password'}. It may have been changed"
        except (ApiError, TransportError):
            pass
        return f"Elasticsearch wasn't ready after {SECONDS_TO_START} seconds"

    def _is_ready(self, node: Node, client: Elasticsearch) -> bool:
        if not node.is_running and "Address already in use" in node.log_text():
            raise PortTaken(f"port {node.http_port} or {node.transport_port} was taken by another process during startup")
        node.fail_if_stopped()
        return self._serves_elastic(client) or self._serves_api_key(client)

    def _serves_elastic(self, client: Elasticsearch) -> bool:
        """Whether all running nodes have joined and the security index can be read.

        A new node creates that index shortly after its first response; until then reading a user fails with 503.
        """
        running = [node for node in self.nodes if node.is_running]
        status = "green" if len(running) == self.size else "yellow"
        return _succeeds(
            lambda: client.options(basic_auth=basic("elastic", self.password)).cluster.health(
                index=".security", wait_for_status=status, wait_for_nodes=str(len(running)), timeout="1s"
            )
        )

    def _serves_api_key(self, client: Elasticsearch) -> bool:
        """An accepted API key proves that the security index can be read."""
        if self.api_key is None:
            return False
        return _succeeds(client.options(api_key=self.api_key).security.authenticate)


def basic(username: str, password: str) -> str:
    """Encoded credentials for the client, which rejects non-ASCII passwords if given as a pair."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def _succeeds(call: Callable[[], object]) -> bool:
    try:
        call()
    except (ApiError, TransportError):
        return False
    return True
