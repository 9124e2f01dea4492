"""What an administrator wants to know about the cluster and about what usermgmt has in it. Read-only.

Everything is read with the API key of usermgmt, except the sizes of indices, for which it has no privilege.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from django.conf import settings
from django.utils import timezone

from accounts.services import errors
from accounts.services.client import PersonClient, found_authority, service_client
from accounts.services.cluster import own_roles, own_templates
from accounts.services.cluster.own_roles import ROLES, SERVICE
from accounts.services.documents import indices

ALL_INDICES: Final = "usermgmt-*"
CLOCK_TOLERANCE: Final = 2.0  # seconds
YEAR_10000: Final = 253_402_300_800_000  # milliseconds; licenses that never expire have a later date, or none
SOON: Final = timedelta(days=30)
# What the key must not be able to do: change users, and change or delete events of the audit trail.
EXCESSIVE_CLUSTER: Final = ("manage_security",)
EXCESSIVE_AUDIT: Final = ("delete", "delete_index", "index")
RETENTION: Final = {
    indices.AUDIT: "Kept",
    indices.REVIEWS: "Kept",
    indices.FINDINGS: "The last 10 runs",
    indices.JOBS: "The last 50 bulk changes",
    indices.SESSIONS: "Until a session ends",
    indices.THROTTLE: "Until a counter expires",
    indices.LOCKS: "Until a change ends",
}
# The setting, and from when on it counts.
RETENTION_SETTINGS: Final = {
    indices.AUDIT: ("AUDIT_RETENTION", "the end of the month"),
    indices.REVIEWS: ("REVIEWS_RETENTION", "the end of a review"),
    indices.FINDINGS: ("FINDINGS_RETENTION", "the end of a run"),
    indices.JOBS: ("JOBS_RETENTION", "the end of a bulk change"),
}


@dataclass(frozen=True)
class Node:
    name: str
    version: str
    address: str


@dataclass(frozen=True)
class Cluster:
    """The nodes that answered within a second, and how many didn't."""

    name: str
    nodes: list[Node]
    silent: int

    @property
    def versions(self) -> list[str]:
        return sorted({node.version for node in self.nodes})


@dataclass(frozen=True)
class License:
    type: str
    status: str
    expires: datetime | None

    @property
    def is_active(self) -> bool:
        return self.status == "active"

    @property
    def expires_soon(self) -> bool:
        return self.is_active and expires_soon(self.expires)


@dataclass(frozen=True)
class Certificate:
    subject: str
    expires: datetime

    @property
    def is_expired(self) -> bool:
        return self.expires <= timezone.now()

    @property
    def expires_soon(self) -> bool:
        return expires_soon(self.expires)


@dataclass(frozen=True)
class Connection:
    """How usermgmt connects to Elasticsearch.

    `ca`: the file with the authorities, or "". `fingerprint`: of the only authority, which is known as soon as a node has sent it,
    or "". With neither, those that Mozilla trusts. `client`: the file with the client certificate, or "".
    """

    hosts: list[str]
    plain: list[str]
    ca: str
    fingerprint: str
    authorities: list[Certificate]
    verifies_hostname: bool
    client: str
    client_certificates: list[Certificate]


@dataclass(frozen=True)
class Clock:
    """How far the clock of a node is ahead (negative: behind) of the clock of this server, to within `uncertainty`. In seconds."""

    node: str
    ahead: float
    uncertainty: float

    @property
    def is_off(self) -> bool:
        """Whether it certainly is."""
        return abs(self.ahead) - self.uncertainty > CLOCK_TOLERANCE

    @property
    def difference(self) -> float:
        return abs(self.ahead)


@dataclass(frozen=True)
class OwnKey:
    """The API key of usermgmt. `missing` and `excessive`: privileges, as "manage_security" or "usermgmt-jobs: write"."""

    id: str
    name: str
    username: str
    created: datetime
    expires: datetime | None
    missing: list[str]
    excessive: list[str]

    @property
    def expires_soon(self) -> bool:
        return expires_soon(self.expires)


@dataclass(frozen=True)
class Template:
    name: str
    state: str

    @property
    def is_current(self) -> bool:
        return self.state == "Up to date"


@dataclass(frozen=True)
class Index:
    """`documents` and `size` (bytes, with replicas): None if they aren't known. `policy`: of index lifecycle management."""

    name: str
    policy: str
    documents: int | None = None
    size: int | None = None

    @property
    def retention(self) -> str:
        """The ILM policy, or what usermgmt does by itself, and the setting for `delete_old_records`."""
        name = indices.AUDIT if self.name.startswith(f"{indices.AUDIT}-") else self.name
        kept = f"ILM policy {self.policy}" if self.policy else RETENTION.get(name, "Not known to usermgmt")
        return "; ".join(filter(None, [kept, _retention_setting(name)]))


def _retention_setting(name: str) -> str:
    setting, start = RETENTION_SETTINGS.get(name, ("", ""))
    days = getattr(settings, setting).days if setting else 0
    return f"{setting}_DAYS={days}: deleted by delete_old_records {days:,} days after {start}" if days else ""


def expires_soon(moment: datetime | None) -> bool:
    """Whether it has expired, or does within a month."""
    return bool(moment and moment - timezone.now() < SOON)


def cluster() -> Cluster:
    """Needs the cluster privilege monitor, as all calls with the API key here that don't say otherwise. One call."""
    fields = ["cluster_name", "_nodes", "nodes.*.name", "nodes.*.version", "nodes.*.http.publish_address"]
    answer = service_client().nodes.info(metric="http", filter_path=fields, timeout="1s").body
    nodes = [
        Node(node["name"], node["version"], node.get("http", {}).get("publish_address", ""))
        for node in answer.get("nodes", {}).values()
    ]
    return Cluster(answer["cluster_name"], sorted(nodes, key=lambda node: node.name), answer["_nodes"]["failed"])


def license() -> License:
    """One call."""
    found = service_client().license.get().body["license"]
    return License(found["type"], found["status"], _moment(found.get("expiry_date_in_millis")))


def connection() -> Connection:
    """From the settings, without a call. Raises OSError and ValueError if the file of a certificate can't be read any more."""
    hosts = settings.ELASTICSEARCH_HOSTS
    plain = [host for host in hosts if host.startswith("http:")]
    uses_tls = plain != hosts
    ca, fingerprint, client = (
        value if uses_tls else ""
        for value in (
            settings.ELASTICSEARCH_CA_CERTS,
            settings.ELASTICSEARCH_CA_FINGERPRINT,
            settings.ELASTICSEARCH_CLIENT_CERTFILE,
        )
    )
    return Connection(
        hosts=hosts,
        plain=plain,
        ca=ca,
        fingerprint=fingerprint,
        authorities=_certificates(Path(ca).read_bytes() if ca else found_authority(fingerprint).encode()),
        verifies_hostname=settings.ELASTICSEARCH_VERIFY_HOSTNAME,
        client=client,
        client_certificates=_certificates(Path(client).read_bytes() if client else b"")[:1],
    )


def _certificates(pem: bytes) -> list[Certificate]:
    found = x509.load_pem_x509_certificates(pem) if pem else []
    return [Certificate(each.subject.rfc4514_string(), each.not_valid_after_utc) for each in found]


def clocks() -> list[Clock]:
    """Of each node that answers within a second; the largest difference first. One call."""
    before = time.time()
    fields = ["nodes.*.name", "nodes.*.timestamp"]
    answer = service_client().nodes.stats(metric="process", filter_path=fields, timeout="1s").body
    after = time.time()
    found = [clock(node["name"], node["timestamp"], before, after) for node in answer.get("nodes", {}).values()]
    return sorted(found, key=lambda clock: clock.difference, reverse=True)


def clock(node: str, milliseconds: int, before: float, after: float) -> Clock:
    """The node read its clock at some moment between two of ours."""
    return Clock(node, milliseconds / 1000 - (before + after) / 2, (after - before) / 2 + 0.001)


def own_key() -> OwnKey:
    """Needs no privilege. Two calls."""
    client = service_client()
    keys = client.security.get_api_key(id=client.key_id).body["api_keys"]
    if not keys:
        raise errors.Unavailable("Elasticsearch doesn't find the API key that it accepts")
    found = keys[0]
    answer = client.security.has_privileges(**_questions()).body
    missing, excessive = sort_privileges(answer)
    created, expires = datetime.fromtimestamp(found["creation"] / 1000, UTC), _moment(found.get("expiration"))
    return OwnKey(found["id"], found["name"], found["username"], created, expires, missing, excessive)


def _questions() -> dict[str, Any]:
    role = ROLES[SERVICE]
    audit = [part for part in role["indices"] if part["names"] == [indices.AUDIT_PATTERN]]
    rest = [part for part in role["indices"] if part not in audit]
    excessive = [{**part, "privileges": [*part["privileges"], *EXCESSIVE_AUDIT]} for part in audit]
    return {"cluster": [*role["cluster"], *EXCESSIVE_CLUSTER], "index": [*rest, *excessive]}


def sort_privileges(answer: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What the key lacks, and what it should lack, from the response of `_has_privileges`."""
    held = own_roles.held(answer)
    unwanted = {*EXCESSIVE_CLUSTER, *(f"{indices.AUDIT_PATTERN}: {privilege}" for privilege in EXCESSIVE_AUDIT)}
    missing = [name for name, has in held.items() if not has and name not in unwanted]
    return sorted(missing), sorted(name for name, has in held.items() if has and name in unwanted)


def templates() -> list[Template]:
    """Needs the cluster privilege indices:admin/index_template/get. One call."""
    answer = service_client().indices.get_index_template(name=ALL_INDICES, flat_settings=True).body
    return compare_templates(answer.get("index_templates", []))


def compare_templates(found: Iterable[Mapping[str, Any]]) -> list[Template]:
    """Those of usermgmt, compared with what this version of it would create (`setup.set_up`)."""
    by_name = {each["name"]: each["index_template"] for each in found}
    return [Template(name, _state(by_name.get(name), name)) for name in sorted(indices.TEMPLATES)]


def _state(found: Mapping[str, Any] | None, name: str) -> str:
    if found is None:
        return "Missing"
    if not own_templates.is_of_this_version(found, name):
        return "Of another version"
    return "Changed outside usermgmt" if own_templates.is_changed(found, name) else "Up to date"


def own_indices() -> list[Index]:
    """Without documents and sizes. Needs the index privilege view_index_metadata. One call."""
    # An index that has none of the settings is left out.
    answer = service_client().indices.get_settings(
        index=ALL_INDICES, expand_wildcards="all", flat_settings=True, name=["index.creation_date", "index.lifecycle.name"]
    )
    return [Index(name, each["settings"].get("index.lifecycle.name", "")) for name, each in sorted(answer.body.items())]


def sizes(client: PersonClient) -> dict[str, tuple[int, int]]:
    """Documents and bytes of each index. Raises AccessDenied without the index privilege monitor. One call."""
    answer = client.perform_request(
        "GET",
        f"/{ALL_INDICES}/_stats/docs,store",
        params={
            "expand_wildcards": "all",
            "filter_path": "indices.*.primaries.docs.count,indices.*.total.store.size_in_bytes",
        },
        headers={"accept": "application/json"},
        endpoint_id="indices.stats",
    )
    return {
        name: (each["primaries"]["docs"]["count"], each["total"]["store"]["size_in_bytes"])
        for name, each in answer.body.get("indices", {}).items()
        if "primaries" in each and "total" in each
    }


def _moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds and milliseconds < YEAR_10000 else None
