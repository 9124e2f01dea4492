"""Real Elasticsearch nodes, one of each version, with the users of `cast`."""

import base64
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from elasticsearch import Elasticsearch
from pytest_django import Settings

from accounts.services.client import AdministratorClient
from accounts.services.cluster import own_roles
from accounts.services.cluster import setup as cluster_setup
from accounts.services.documents import indices
from local_cluster import Cluster, available_versions
from tests.support.cast import CAST, PASSWORD

SETTINGS = {
    "resource.reload.interval.high": "200ms",  # how often the file realm is read; 5 s otherwise
    "xpack.security.authc.password_hashing.algorithm": "bcrypt4",  # 10 otherwise, a tenth of a second for each password
}

# For tests of pages and processes that no version of the node changes; what they rest on is tested on each.
one_version = pytest.mark.parametrize("node", available_versions()[:1], indirect=True)

# Documents of the security index.
KEPT = [
    *(f"user-{username}" for username in (*CAST, own_roles.SERVICE)),
    *(f"role-{name}" for name in ("user_admin", own_roles.AUDITOR_ROLE, own_roles.SERVICE)),
]


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

    def delete_strangers(self) -> None:
        """Delete what tests have left and others would count: users, roles, role mappings, API keys, tokens of service accounts."""
        security = self.elastic.security
        left: dict[str, list[str]] = defaultdict(list)
        own = base64.b64decode(self.api_key).decode().partition(":")[0]
        query = {
            "bool": {
                "should": [
                    {"terms": {"type": ["user", "role"]}},
                    {"terms": {"doc_type": ["role-mapping", "api_key", "service_account_token"]}},
                ],
                "must_not": [
                    {"term": {"metadata_flattened._reserved": "true"}},
                    {"term": {"api_key_invalidated": True}},
                    {"ids": {"values": [own, *KEPT]}},
                ],
            }
        }
        found = self.elastic.search(index=".security", query=query, size=10_000, source_includes=["type", "doc_type"])
        for hit in found["hits"]["hits"]:
            left[hit["_source"].get("doc_type") or hit["_source"]["type"]].append(hit["_id"])
        for id in left["user"]:
            security.delete_user(username=id.removeprefix("user-"), refresh=id == left["user"][-1])
        for id in left["role"]:
            security.delete_role(name=id.removeprefix("role-"), refresh=id == left["role"][-1])
        for id in left["role-mapping"]:
            security.delete_role_mapping(name=id.removeprefix("role-mapping_"))
        for id in left["service_account_token"]:
            namespace, service, name = id.removeprefix("service_account_token-").split("/", 2)
            security.delete_service_token(namespace=namespace, service=service, name=name)
        if left["api_key"]:
            security.invalidate_api_key(ids=left["api_key"])

    def forget(self) -> None:
        """Remove every document that the product keeps: sessions, locks, the trail, reviews; the indices stay."""
        own: Any = {"index": "usermgmt-*", "expand_wildcards": ["open", "hidden"]}
        self.elastic.indices.refresh(**own)
        while found := self.elastic.search(**own, size=10_000, source=False)["hits"]["hits"]:
            self.elastic.bulk(operations=[{"delete": {"_index": hit["_index"], "_id": hit["_id"]}} for hit in found], refresh=True)

    def delete_indices(self) -> None:
        """Delete the indices of the product, by name: the default of Elasticsearch forbids patterns."""
        if names := sorted(self.elastic.indices.get(index="usermgmt-*", expand_wildcards="all", features="settings")):
            self.elastic.indices.delete(index=names)

    def missing_indices(self) -> set[str]:
        """The indices of the product that a test has deleted and nothing has needed since."""
        expected = {*indices.TEMPLATES.keys() - {indices.AUDIT}, indices.audit_index(timezone.now())}
        return expected - set(self.elastic.indices.get(index="usermgmt-*", expand_wildcards="all", features="settings"))

    @contextmanager
    def without_native_users(self) -> Iterator[None]:
        """For as long as the block takes."""
        for username in self.usernames():
            self.elastic.security.delete_user(username=username)
        try:
            yield
        finally:
            for username, roles in {**CAST, own_roles.SERVICE: [own_roles.SERVICE]}.items():
                self.put_user(username, roles=roles)

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
        node.delete_strangers()
        node.forget()
        if node.missing_indices():
            list(cluster_setup.set_up(AdministratorClient("elastic", node.elastic_password)))
        return node

    def stop(self) -> None:
        """Stop them all."""
        for cluster in self._clusters.values():
            cluster.stop()

    def _start(self, version: str, settings: Settings) -> TestNode:
        folder = self._folders.mktemp("node")
        settings_of_node = {**SETTINGS, "path.repo": str(folder / "snapshots")}
        cluster = self._clusters[version] = Cluster(folder, version, settings=settings_of_node)
        cluster.start()
        return set_up(cluster, settings)


def set_up(cluster: Cluster, settings: Settings) -> TestNode:
    """A running node with what `setup_cluster` creates, and with the cast."""
    settings.ELASTICSEARCH_HOSTS = cluster.urls
    administrator = AdministratorClient("elastic", cluster.password)
    list(cluster_setup.set_up(administrator))
    settings.ELASTICSEARCH_API_KEY = cluster_setup.create_api_key(administrator)
    elastic = cluster.client()
    elastic.security.put_role(name="user_admin", cluster=["manage_security"])
    for username, roles in CAST.items():
        elastic.security.put_user(username=username, password=PASSWORD, roles=roles)
    config = cluster.nodes[0].home / "config"
    return TestNode(cluster.version, cluster.urls[0], cluster.password, settings.ELASTICSEARCH_API_KEY, elastic, config)
