"""`python -m local_cluster.cluster_privileges`: detects which cluster privilege implies which, and writes the table of usermgmt.

Elasticsearch doesn't document it, so a real node of every version is queried with `_has_privileges`, as a user with a role that
has one built-in cluster privilege. Then the same for every pair, because some privileges are implied only by two others
together. Needs some minutes for 2,000 roles per version. Run it again for a new version of Elasticsearch;
`tests/integration/test_cluster_privileges.py` fails if the table lacks a privilege.
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
NAME: Final = "who_implies_what"  # of the role and its user

# A prefix of action names is a privilege too. Only those that imply a built-in privilege are of interest, not
# single actions.
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


class PrivilegeProbe:
    """Reads the implied privileges from one node, with a role and its only user."""

    def __init__(self, elastic: Elasticsearch) -> None:
        self._elastic = elastic
        # Run as the user: their password would cost a bcrypt hash at each request.
        self._user = elastic.options(headers={"es-security-runas-user": NAME})
        self.privileges: list[str] = sorted(elastic.security.get_builtin_privileges()["cluster"])
        elastic.security.put_user(username=NAME, password=secrets.token_urlsafe(), roles=[NAME])
        # `none`, and two obsolete privileges that every user has.
        nothing = {"none", *self.implied("none")}
        self.privileges = [privilege for privilege in self.privileges if privilege not in nothing]

    def implied(self, *given: str) -> set[str]:
        """The other privileges of a role with these privileges."""
        self._elastic.security.put_role(name=NAME, cluster=list(given), refresh=False)
        held = self._user.security.has_privileges(cluster=self.privileges)["cluster"]
        return {privilege for privilege, has in held.items() if has} - set(given)


def find(probe: PrivilegeProbe) -> tuple[Table, Table]:
    """Each privilege and family with what it implies, and each pair (`a+b`) with what only both together imply."""
    alone = {privilege: probe.implied(privilege) for privilege in (*probe.privileges, *FAMILIES)}
    pairs = {}
    for first, second in combinations(probe.privileges, 2):
        if more := probe.implied(first, second) - alone[first] - alone[second]:
            pairs[f"{first}+{second}"] = sorted(more)
    return {privilege: sorted(implied) for privilege, implied in alone.items() if implied or privilege not in FAMILIES}, pairs


def merged(tables: Iterable[Table]) -> Table:
    """The union of the tables of several versions."""
    union: dict[str, set[str]] = {}
    for table in tables:
        for privilege, implied in table.items():
            union.setdefault(privilege, set()).update(implied)
    return {privilege: sorted(union[privilege]) for privilege in sorted(union)}


def main() -> None:
    """Query a node of each version, and write the table."""
    found = []
    for version in available_versions():
        sys.stdout.write(f"Querying Elasticsearch {version} …\n")
        with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder), version) as cluster:
            found.append(find(PrivilegeProbe(cluster.client())))
    implies, together = merged(alone for alone, _ in found), merged(pairs for _, pairs in found)
    TABLE.write_text(json.dumps({"implies": implies, "together": together}, indent=1) + "\n")
    sys.stdout.write(f"{len(implies)} privileges and {len(together)} pairs written to {TABLE}\n")


if __name__ == "__main__":
    main()
