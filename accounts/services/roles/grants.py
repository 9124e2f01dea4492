"""The privileges of a role in plain language, from the body of `_security/role`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from accounts.services.roles import cluster_privileges

Body = Mapping[str, Any]
# Kinds of grants in the order of the page: (key, heading, noun when counted).
KINDS: Final = (
    ("cluster", "Cluster privileges", "cluster privilege"),
    ("indices", "Index privileges", "index privilege"),
    ("remote", "Remote cluster privileges", "remote cluster privilege"),
    ("applications", "Application privileges", "application privilege"),
    ("run_as", "Run as privileges", "run as user"),
    ("global", "Global privileges", "global privilege"),
)


READ_ONLY_INDEX_PRIVILEGES: Final = (
    "none",
    "read",
    "read_cross_cluster",
    "read_dataset_metadata",
    "read_failure_store",
    "read_view_metadata",
    "monitor",
    "view_index_metadata",
)


@dataclass(frozen=True, slots=True)
class Grant:
    """One privilege, or privileges on one subject, and their limits. Equal grants of two roles are merged."""

    kind: str
    subject: str
    description: str = ""
    notes: tuple[str, ...] = ()
    query: str = ""

    def __str__(self) -> str:
        """One line: `Index privileges on logs-*: read, view_index_metadata`."""
        heading = next(heading for kind, heading, _ in KINDS if kind == self.kind)
        if not self.description:
            return f"{heading}: {self.subject}"
        if self.kind == "cluster":
            return f"{heading}: {self.description[:1].lower() + self.description[1:]} ({self.subject})"
        return f"{heading} on {self.subject}: {self.description}"

    @property
    def with_limits(self) -> str:
        """The same line with the limits: fields, documents, spaces, remote clusters."""
        limits = "; ".join(self.notes) if self.kind != "cluster" else ""
        return f"{self} ({f'{limits} {self.query}'.strip()})" if limits else str(self)


@dataclass(frozen=True, slots=True)
class Section:
    """The grants of one kind, each with the names of the roles it comes from."""

    heading: str
    noun: str
    rows: list[tuple[Grant, list[str]]]


def of(body: Body) -> list[Grant]:
    return [
        *(_cluster(privilege) for privilege in body.get("cluster", [])),
        *(_indices(part) for part in body.get("indices", [])),
        *(_remote_indices(part) for part in body.get("remote_indices", [])),
        *(_remote_cluster(part) for part in body.get("remote_cluster", [])),
        *(_application(part) for part in body.get("applications", [])),
        *(Grant("run_as", "Any user (*)" if name == "*" else name) for name in body.get("run_as", [])),
        *(Grant("global", f"{area} {verb}".strip(), _flat(value)) for area, verb, value in _globals(body)),
    ]


def is_read_only(body: Body) -> bool:
    """Whether all privileges are known to allow nothing but reading."""
    indices = [*body.get("indices", []), *body.get("remote_indices", [])]
    return not (
        any(map(_may_change, body.get("cluster", [])))
        or any(privilege not in READ_ONLY_INDEX_PRIVILEGES for part in indices for privilege in part["privileges"])
        or any(not privilege.endswith("read") for part in body.get("applications", []) for privilege in part["privileges"])
        or any(not privilege.startswith("monitor") for part in body.get("remote_cluster", []) for privilege in part["privileges"])
        or body.get("run_as")
        or body.get("global")
    )


def _may_change(cluster_privilege: str) -> bool:
    may_change = cluster_privilege not in ("none", *cluster_privileges.WITHOUT_EFFECT)
    return may_change and not cluster_privilege.startswith(("monitor", "read_", "cluster:monitor/"))


def sections(by_role: Mapping[str, Iterable[Grant]]) -> list[Section]:
    """The effective privileges of several roles, by kind; kinds without privileges are left out."""
    merged: dict[Grant, list[str]] = {}
    for role, grants in by_role.items():
        for grant in dict.fromkeys(grants):
            merged.setdefault(grant, []).append(role)
    by_kind = {kind: [(grant, names) for grant, names in merged.items() if grant.kind == kind] for kind, _, _ in KINDS}
    for rows in by_kind.values():
        rows.sort(key=lambda row: (":" in row[0].subject, row[0].subject))  # individual actions after named privileges
    return [Section(heading, noun, by_kind[kind]) for kind, heading, noun in KINDS if by_kind[kind]]


def summary(grants: Iterable[Grant]) -> str:
    """The number of privileges of each kind, for screen readers."""
    counts = [(len(section.rows), section.noun) for section in sections({"": grants})]
    texts = [f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts]
    return ", ".join(texts) or "no privileges"


def _cluster(privilege: str) -> Grant:
    implied = sorted(cluster_privileges.implied(privilege) - {privilege.lower()})
    if not implied:
        notes: tuple[str, ...] = ()
    elif privilege.lower() == cluster_privileges.ALL:
        notes = ("Includes all other cluster privileges",)
    else:
        notes = (f"Includes {', '.join(implied)}",)
    return Grant("cluster", privilege, cluster_privileges.describe(privilege), notes)


def _indices(part: Body) -> Grant:
    fields = part.get("field_security") or {}
    notes = []
    if fields.get("grant", ["*"]) != ["*"]:
        notes.append(f"Granted fields: {_list(fields['grant']) or 'none'}")
    if fields.get("except"):
        notes.append(f"Denied fields: {_list(fields['except'])}")
    if part.get("allow_restricted_indices"):
        notes.append("Includes restricted system indices")
    if part.get("query"):
        notes.append("Granted documents query:")  # last: the page shows the query below
    return Grant("indices", _list(part["names"]), _list(part["privileges"]), tuple(notes), _query(part.get("query")))


def _remote_indices(part: Body) -> Grant:
    grant = _indices(part)
    where = (_clusters(part), *grant.notes)
    return Grant("remote", f"indices {grant.subject}", grant.description, where, grant.query)


def _remote_cluster(part: Body) -> Grant:
    return Grant("remote", _list(part["privileges"]), "", (_clusters(part),))


def _clusters(part: Body) -> str:
    names = list(part["clusters"])
    return "On all remote clusters" if names == ["*"] else f"On remote clusters: {_list(names)}"


def _application(part: Body) -> Grant:
    """Kibana's privileges are those of an application; its spaces are resources."""
    name = part["application"]
    subject = f"Kibana ({name})" if name.startswith("kibana-") else "All applications (*)" if name == "*" else name
    resources = list(part["resources"])
    where = "" if resources == ["*"] else f"Only in {_list(map(_resource, resources))}"
    return Grant("applications", subject, _list(map(_application_privilege, part["privileges"])), (where,) if where else ())


def _resource(resource: str) -> str:
    return f"space {resource.removeprefix('space:')}" if resource.startswith("space:") else resource


def _application_privilege(privilege: str) -> str:
    """`feature_discover.read`, as Kibana names the privileges of its features, is `discover: read`."""
    if privilege in ("*", "all", "space_all"):
        return "all"
    if privilege == "space_read":
        return "read"
    feature, dot, verb = privilege.removeprefix("feature_").partition(".")
    return f"{feature}: {verb}" if dot and privilege.startswith("feature_") else privilege


def _globals(body: Body) -> Iterable[tuple[str, str, Any]]:
    for area, verbs in (body.get("global") or {}).items():
        if isinstance(verbs, Mapping):
            yield from ((area, verb, value) for verb, value in verbs.items())
        elif verbs:  # `data_source` of 9.5 is a list
            yield area, "", verbs


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(_flat(part) for part in value.values())
    return _list(map(_flat, value)) if isinstance(value, list) else str(value)


def _list(texts: Iterable[str]) -> str:
    return ", ".join(texts)


def _query(query: Any) -> str:
    """The query of document-level security, as text: a string that holds JSON, or JSON."""
    return query if isinstance(query, str) else json.dumps(query) if query else ""
