"""Cluster privileges: descriptions, and which other privileges they imply.

The table was determined on real nodes by `python -m local_cluster.cluster_privileges`. An unknown privilege implies only itself,
except that `all` implies every other.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_TABLE: Final = json.loads(Path(__file__).with_suffix(".json").read_text())
_IMPLIES: Final = {privilege: frozenset(implied) for privilege, implied in _TABLE["implies"].items()}
# Privileges that two others imply only in combination.
_COMBINED: Final = {frozenset(pair.split("+")): frozenset(implied) for pair, implied in _TABLE["together"].items()}

ALL: Final = "all"
# They protected the global retention of data streams until 8.16, and allow nothing since. Whoever has any privilege has them.
WITHOUT_EFFECT: Final = ("manage_data_stream_global_retention", "monitor_data_stream_global_retention")
NAMES: Final = tuple(privilege for privilege in _IMPLIES if ":" not in privilege)


def implied(privilege: str) -> frozenset[str]:
    """The privilege itself, in lower case as Elasticsearch reads it, and all that it implies.

    The name of an action includes all actions that start with it.
    """
    name = privilege.lower()
    if ":" not in name:
        return _IMPLIES.get(name, frozenset()) | {name}
    start = name.rstrip("*")
    families = [family for family in _IMPLIES if ":" in family and family.startswith(start)]
    return frozenset({name}).union(*(_IMPLIES[family] for family in families))


def held(privileges: Iterable[str]) -> frozenset[str]:
    """The effective privileges of a user who has these, from one or several roles."""
    alone: frozenset[str] = frozenset().union(*map(implied, privileges))
    return alone.union(*(more for pair, more in _COMBINED.items() if pair <= alone))


def combined(privileges: Iterable[str]) -> list[str]:
    """The privileges that they imply only in combination."""
    given = list(privileges)
    return sorted(held(given).difference(*map(implied, given)))


def holds(privileges: Iterable[str], wanted: str) -> bool:
    """Whether they imply the wanted privilege."""
    effective = held(privileges)
    return wanted.lower() in effective or ALL in effective or (bool(effective) and wanted.lower() in WITHOUT_EFFECT)


def pairs(wanted: str) -> list[frozenset[str]]:
    """The pairs of privileges that imply it only in combination."""
    return [pair for pair, more in _COMBINED.items() if wanted.lower() in more]


def is_fully_evaluated(privilege: str) -> bool:
    """Whether everything it implies is known; it isn't for individual actions, which may add up to other privileges."""
    return ":" not in privilege or len(implied(privilege)) > 1


def describe(privilege: str) -> str:
    """What the privilege allows, or ""."""
    return DESCRIPTIONS.get(privilege.lower(), "")


DESCRIPTIONS: Final = {
    "all": "Full control of the cluster, including users and roles",
    "cancel_task": "Cancel running tasks",
    "clone_api_key": "Copy API keys",
    "create_snapshot": "Create snapshots and view repositories",
    "cross_cluster_replication": "Allow remote clusters to replicate from this cluster",
    "cross_cluster_search": "Allow remote clusters to search this cluster",
    "delegate_pki": "Authenticate users with PKI certificates",
    "grant_api_key": "Create API keys for other users",
    "manage": "Manage the cluster, except users and roles",
    "manage_api_key": "Manage all API keys",
    "manage_autoscaling": "Manage autoscaling",
    "manage_behavioral_analytics": "Manage behavioral analytics",
    "manage_ccr": "Manage cross-cluster replication",
    "manage_connector": "Manage connectors",
    **dict.fromkeys(WITHOUT_EFFECT, "No effect"),
    "manage_data_frame_transforms": "Manage transforms (deprecated name)",
    "manage_enrich": "Manage enrich policies",
    "manage_ilm": "Manage index lifecycle policies",
    "manage_index_templates": "Manage index templates",
    "manage_inference": "Manage inference endpoints",
    "manage_ingest_pipelines": "Manage ingest pipelines",
    "manage_logstash_pipelines": "Manage Logstash pipelines",
    "manage_ml": "Manage machine learning",
    "manage_oidc": "Authenticate users with OpenID Connect",
    "manage_own_api_key": "Manage their own API keys",
    "manage_pipeline": "Manage ingest pipelines",
    "manage_reindex": "Manage reindexing",
    "manage_rollup": "Manage rollup jobs",
    "manage_saml": "Authenticate users with SAML",
    "manage_search_application": "Manage search applications",
    "manage_search_query_rules": "Manage query rules",
    "manage_search_synonyms": "Manage synonyms",
    "manage_security": "Manage users, roles, and API keys",
    "manage_service_account": "Manage service account tokens",
    "manage_slm": "Manage snapshot lifecycle policies",
    "manage_token": "Create and invalidate access tokens",
    "manage_transform": "Manage transforms",
    "manage_user_profile": "Manage user profiles",
    "manage_watcher": "Manage watches",
    "monitor": "View cluster state and settings",
    "monitor_connector": "View connectors",
    "monitor_data_frame_transforms": "View transforms (deprecated name)",
    "monitor_enrich": "View enrich policies",
    "monitor_esql": "View running ES|QL queries",
    "monitor_inference": "Use inference endpoints",
    "monitor_ml": "View machine learning jobs",
    "monitor_reindex": "View running reindex tasks",
    "monitor_rollup": "View rollup jobs",
    "monitor_snapshot": "View snapshots and repositories",
    "monitor_stats": "View cluster statistics",
    "monitor_text_structure": "Find the structure of text",
    "monitor_transform": "View transforms",
    "monitor_watcher": "View watches",
    "none": "No privileges",
    "post_behavioral_analytics_event": "Add events to behavioral analytics",
    "read_ccr": "View cross-cluster replication",
    "read_connector_secrets": "Read connector secrets",
    "read_fleet_secrets": "Read Fleet secrets",
    "read_ilm": "View index lifecycle policies",
    "read_pipeline": "View ingest pipelines",
    "read_security": "View users, roles, and API keys",
    "read_slm": "View snapshot lifecycle policies",
    "transport_client": "Connect with the Java transport client",
    "write_connector_secrets": "Write connector secrets",
    "write_fleet_secrets": "Write Fleet secrets",
}
