"""`python -m local_cluster.cluster_privileges`: finds out which cluster privilege implies which, and writes the product's table.

Elasticsearch does not say it anywhere, so a real node of every version is asked: a role that has one built-in cluster privilege,
a user who has the role, and `_has_privileges` of all. Then the same for every pair, because there are privileges that nobody
grants and two others hold together. Some 2,000 roles a version: minutes. Run it again for a new version of Elasticsearch;
`tests/integration/test_cluster_privileges.py` fails when the table lacks one.
"""

import json
import secrets
import sys
import tempfile
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Final

from elasticsearch import Elasticsearch

from local_cluster.cluster import Cluster
from local_cluster.versions import available_versions

TABLE: Final = Path(__file__).resolve().parent.parent / "accounts" / "services" / "cluster_privileges.json"
NAME: Final = "who_implies_what"  # of the role, and of the user who has it

# A name of an action is a privilege too, and stands for all actions that begin with it. Those that hold a whole built-in
# privilege are of interest; who gives single actions has meant single actions.
FAMILIES: Final = (
    "cluster:",
    "cluster:admin/",
    "cluster:admin/autoscaling/",
    "cluster:admin/ilm/",
    "cluster:admin/ingest/pipeline/",
    "cluster:admin/logstash/",
    "cluster:admin/xpack/",
    "cluster:admin/xpack/connector/",
    "cluster:admin/xpack/security/",
    "cluster:admin/xpack/security/api_key/",
    "cluster:admin/xpack/security/oidc/",
    "cluster:admin/xpack/security/profile/",
    "cluster:admin/xpack/security/service_account/",
    "cluster:admin/xpack/security/token/",
    "cluster:monitor/",
    "cluster:monitor/xpack/ml/",
    "cluster:monitor/xpack/rollup/",
    "cluster:monitor/xpack/watcher/",
)


Table = dict[str, list[str]]


class Asker:
    """A role and its only user on one node, by whom the node is asked."""

    def __init__(self, elastic: Elasticsearch) -> None:
        self._elastic = elastic
        # In the user's name without their password, which would cost a bcrypt each time.
        self._user = elastic.options(headers={"es-security-runas-user": NAME})
        self.privileges: list[str] = sorted(elastic.security.get_builtin_privileges()["cluster"])
        elastic.security.put_user(username=NAME, password=secrets.token_urlsafe(), roles=[NAME])
        # `none`, and two that have lost their meaning: everybody holds them.
        nothing = {"none", *self.implied("none")}
        self.privileges = [privilege for privilege in self.privileges if privilege not in nothing]

    def implied(self, *given: str) -> set[str]:
        """What the node says that a role with these privileges holds beside them."""
        self._elastic.security.put_role(name=NAME, cluster=list(given), refresh=False)
        held = self._user.security.has_privileges(cluster=self.privileges)["cluster"]
        return {privilege for privilege, has in held.items() if has} - set(given)


def find(asker: Asker) -> tuple[Table, Table]:
    """Each privilege and family with what it implies, and each pair (`a+b`) with what only both together imply."""
    alone = {privilege: asker.implied(privilege) for privilege in (*asker.privileges, *FAMILIES)}
    pairs = {}
    for first, second in combinations(asker.privileges, 2):
        if more := asker.implied(first, second) - alone[first] - alone[second]:
            pairs[f"{first}+{second}"] = sorted(more)
    return {privilege: sorted(implied) for privilege, implied in alone.items() if implied or privilege not in FAMILIES}, pairs


def merged(tables: Iterable[Table]) -> Table:
    """One table of several versions': what any of them implies."""
    union: dict[str, set[str]] = {}
    for table in tables:
        for privilege, implied in table.items():
            union.setdefault(privilege, set()).update(implied)
    return {privilege: sorted(union[privilege]) for privilege in sorted(union)}


def main() -> None:
    """Ask a node of each version, and write the table."""
    found = []
    for version in available_versions():
        sys.stdout.write(f"Querying Elasticsearch {version} …\n")
        with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder), version) as cluster:
            found.append(find(Asker(cluster.client())))
    implies, together = merged(alone for alone, _ in found), merged(pairs for _, pairs in found)
    TABLE.write_text(json.dumps({"implies": implies, "together": together}, indent=1) + "\n")
    sys.stdout.write(f"{len(implies)} privileges and {len(together)} pairs written to {TABLE}\n")


if __name__ == "__main__":
    main()
