"""The cast: `ada` administers, `otto` audits, `norah` may do nothing here. They live on every node that a test asks for."""

import base64
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from elasticsearch import Elasticsearch
from pytest_django import Settings

from accounts.services.client import AdministratorClient, CredentialsMixin, PersonClient
from accounts.services.cluster import setup as cluster_setup
from local_cluster import VERSIONS, Cluster, available_versions
from local_cluster.build import build

CAST = {"ada": ["user_admin"], "otto": [cluster_setup.AUDITOR_ROLE], "norah": ["viewer"]}
PASSWORD = secrets.token_urlsafe(12)
SETTINGS = {"resource.reload.interval.high": "200ms"}  # how often the file realm is read; 5 s otherwise


@dataclass(frozen=True)
class TestNode:
    """A node that has been set up, as a test sees it: `elastic` looks at what the product did."""

    __test__ = False

    version: str
    url: str
    elastic_password: str
    api_key: str
    elastic: Elasticsearch
    config: Path

    def user(self, username: str) -> dict[str, Any] | None:
        """The user's document as the node has it, whatever its name."""
        found = self.elastic.security.query_user(query={"term": {"username": username}})["users"]
        return found[0] if found else None

    def usernames(self) -> set[str]:
        """The names of all native users."""
        return {user["username"] for user in self.elastic.security.query_user(size=1000)["users"]}

    def put_user(self, username: str, **body: Any) -> None:
        """Make a user behind the product's back."""
        self.elastic.security.put_user(username=username, **{"password": PASSWORD, "roles": [], **body})

    def signs_in(self, username: str, password: str) -> bool:
        """Whether the node accepts the credentials."""
        header = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        return self.elastic.options(headers={"authorization": header}, ignore_status=401).security.authenticate().meta.status == 200

    def forget(self) -> None:
        """Remove every document that the product keeps: sessions, locks, the trail, reviews; the indices stay."""
        own: Any = {"index": "usermgmt-*", "expand_wildcards": ["open", "hidden"]}
        self.elastic.indices.refresh(**own)
        while found := self.elastic.search(**own, size=10_000, source=False)["hits"]["hits"]:
            self.elastic.bulk(operations=[{"delete": {"_index": hit["_index"], "_id": hit["_id"]}} for hit in found], refresh=True)

    def writes(self) -> int:
        """How many writes the security index has seen; it does not grow by reading or signing in."""
        stats = self.elastic.indices.stats(index=".security", metric="indexing")["_all"]["total"]["indexing"]
        return int(stats["index_total"] + stats["delete_total"])


class Nodes:
    """One node of each version, started when first asked for and kept until the end."""

    def __init__(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        self._folders = tmp_path_factory
        self._clusters: dict[str, Cluster] = {}
        self._nodes: dict[str, TestNode] = {}

    def get(self, version: str, settings: Settings) -> TestNode:
        """Point the settings to the node of that version, as if no test had been there: the cast alone, nothing remembered."""
        if version not in self._nodes:
            self._nodes[version] = self._start(version, settings)
        node = self._nodes[version]
        settings.ELASTICSEARCH_HOSTS = [node.url]
        settings.ELASTICSEARCH_API_KEY = node.api_key
        for username in node.usernames() - CAST.keys() - {cluster_setup.SERVICE}:
            node.elastic.security.delete_user(username=username)
        node.forget()
        return node

    def stop(self) -> None:
        """Stop them all."""
        for cluster in self._clusters.values():
            cluster.stop()

    def _start(self, version: str, settings: Settings) -> TestNode:
        cluster = self._clusters[version] = Cluster(self._folders.mktemp("node"), version, settings=SETTINGS)
        cluster.start()
        settings.ELASTICSEARCH_HOSTS = cluster.urls
        administrator = AdministratorClient("elastic", cluster.password)
        list(cluster_setup.set_up(administrator))
        elastic = cluster.client()
        elastic.security.put_role(name="user_admin", cluster=["manage_security"])
        for username, roles in CAST.items():
            elastic.security.put_user(username=username, password=PASSWORD, roles=roles)
        return TestNode(
            version,
            cluster.urls[0],
            cluster.password,
            cluster_setup.create_api_key(administrator),
            elastic,
            cluster.nodes[0].home / "config",
        )


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path_factory)
    yield nodes
    nodes.stop()


@pytest.fixture(params=available_versions())
def node(request: pytest.FixtureRequest, nodes: Nodes, settings: Settings) -> TestNode:
    """A real node of each version, with the cast and nobody else."""
    return nodes.get(request.param, settings)


@pytest.fixture
def person(node: TestNode) -> Callable[[str], PersonClient]:
    """The connection of one of the cast."""
    return lambda username: PersonClient(username, PASSWORD)


@pytest.fixture
def signed_in(node: TestNode) -> Callable[..., Client]:
    """A browser in which somebody has signed in, without pages being drawn by a real one."""

    def sign_in(username: str, password: str = PASSWORD) -> Client:
        client = Client()
        response = client.post("/login", {"username": username, "password": password})
        assert response.status_code == 302, response.content.decode()
        return client

    return sign_in


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every call that leaves for Elasticsearch, as `METHOD /path`."""
    seen: list[str] = []
    perform = CredentialsMixin.perform_request

    def watched(caller: CredentialsMixin, method: str, path: str, **call: Any) -> Any:
        seen.append(f"{method} {path}")
        return perform(caller, method, path, **call)

    monkeypatch.setattr(CredentialsMixin, "perform_request", watched)
    return seen


def pytest_collection_finish(session: pytest.Session) -> None:
    """Assemble the nodes of the chosen tests, and no others; the downloads of the first time may take longer than a test."""
    if not session.config.option.collectonly:
        chosen = {item.callspec.params.get("node") for item in session.items if hasattr(item, "callspec")}
        for version in available_versions():
            if version in chosen:
                build(version)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many tests ran against what."""
    counts: Counter[str] = Counter()
    for report in [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]:
        counts[next((version for version in VERSIONS if version in report.nodeid), "")] += 1
    for version in VERSIONS:
        missing = "" if version in available_versions() else f" (no JDK for it on this machine; {version} was left out)"
        terminalreporter.write_line(f"{counts[version]} tests ran against Elasticsearch {version}{missing}")
    terminalreporter.write_line(f"{counts['']} tests ran without a node of a fixed version")
