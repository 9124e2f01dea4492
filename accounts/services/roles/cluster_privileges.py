"""Cluster privileges: what each is for, in words, and which others it implies.

The table was found out on real nodes by `python -m local_cluster.cluster_privileges`. What it does not know grants only itself,
except that `all` implies everything.
"""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

_TABLE: Final = json.loads(Path(__file__).with_suffix(".json").read_text())
_IMPLIES: Final = {privilege: frozenset(implied) for privilege, implied in _TABLE["implies"].items()}
# What nobody grants, and who holds two others holds too.
_TOGETHER: Final = {frozenset(pair.split("+")): frozenset(implied) for pair, implied in _TABLE["together"].items()}

ALL: Final = "all"
NAMES: Final = tuple(privilege for privilege in _IMPLIES if ":" not in privilege)


def implied(privilege: str) -> frozenset[str]:
    """The privilege itself (in small letters, as Elasticsearch reads it) and what it implies.

    The name of an action stands for all actions that begin with it.
    """
    name = privilege.lower()
    if ":" not in name:
        return _IMPLIES.get(name, frozenset()) | {name}
    start = name.rstrip("*")
    families = [family for family in _IMPLIES if ":" in family and family.startswith(start)]
    return frozenset({name}).union(*(_IMPLIES[family] for family in families))


def held(privileges: Iterable[str]) -> frozenset[str]:
    """What somebody holds who is granted all of these, maybe through several roles."""
    alone: frozenset[str] = frozenset().union(*map(implied, privileges))
    return alone.union(*(more for pair, more in _TOGETHER.items() if pair <= alone))


def combined(privileges: Iterable[str]) -> list[str]:
    """What they imply only because there are several of them."""
    given = list(privileges)
    return sorted(held(given).difference(*map(implied, given)))


def holds(privileges: Iterable[str], wanted: str) -> bool:
    """Whether these grant it."""
    everything = held(privileges)
    return wanted.lower() in everything or ALL in everything


def pairs(wanted: str) -> list[frozenset[str]]:
    """Each two privileges that together imply it, though neither does alone."""
    return [pair for pair, more in _TOGETHER.items() if wanted.lower() in more]


def is_fully_evaluated(privilege: str) -> bool:
    """Whether all that it implies is known: not so for single actions and most patterns of them, which may add up."""
    return ":" not in privilege or len(implied(privilege)) > 1


@cache
def describe(privilege: str) -> str:
    """What it is for; "" when nobody has said so."""
    return WORDS.get(privilege.lower(), "")


WORDS: Final = {
    "all": "Do everything in the cluster, also manage users and roles",
    "cancel_task": "Cancel running tasks",
    "clone_api_key": "Copy API keys",
    "create_snapshot": "Create snapshots and see repositories",
    "cross_cluster_replication": "Let a remote cluster replicate from here",
    "cross_cluster_search": "Let a remote cluster search here",
    "delegate_pki": "Authenticate others by their certificates",
    "grant_api_key": "Create API keys for others",
    "manage": "Change everything in the cluster but users and roles",
    "manage_api_key": "Manage everybody's API keys",
    "manage_autoscaling": "Manage autoscaling",
    "manage_behavioral_analytics": "Manage behavioral analytics",
    "manage_ccr": "Manage cross-cluster replication",
    "manage_connector": "Manage connectors",
    "manage_data_frame_transforms": "Manage transforms (the old name)",
    "manage_enrich": "Manage enrich policies",
    "manage_ilm": "Manage index lifecycle policies",
    "manage_index_templates": "Manage index templates",
    "manage_inference": "Manage inference endpoints",
    "manage_ingest_pipelines": "Manage ingest pipelines",
    "manage_logstash_pipelines": "Manage Logstash pipelines",
    "manage_ml": "Manage machine learning",
    "manage_oidc": "Sign others in through OpenID Connect",
    "manage_own_api_key": "Manage their own API keys",
    "manage_pipeline": "Manage ingest pipelines",
    "manage_reindex": "Manage reindexing",
    "manage_rollup": "Manage rollup jobs",
    "manage_saml": "Sign others in through SAML",
    "manage_search_application": "Manage search applications",
    "manage_search_query_rules": "Manage query rules",
    "manage_search_synonyms": "Manage synonyms",
    "manage_security": "Manage users, roles and API keys",
    "manage_service_account": "Manage tokens of service accounts",
    "manage_slm": "Manage snapshot lifecycle policies",
    "manage_token": "Create and end access tokens",
    "manage_transform": "Manage transforms",
    "manage_user_profile": "Manage user profiles",
    "manage_watcher": "Manage watches",
    "monitor": "See state and settings of the cluster",
    "monitor_connector": "See connectors",
    "monitor_data_frame_transforms": "See transforms (the old name)",
    "monitor_enrich": "See enrich policies",
    "monitor_esql": "See running ES|QL queries",
    "monitor_inference": "Use inference endpoints",
    "monitor_ml": "See machine learning jobs",
    "monitor_reindex": "See running reindex tasks",
    "monitor_rollup": "See rollup jobs",
    "monitor_snapshot": "See snapshots and repositories",
    "monitor_stats": "See the cluster's statistics",
    "monitor_text_structure": "Find the structure of texts",
    "monitor_transform": "See transforms",
    "monitor_watcher": "See watches",
    "none": "Nothing",
    "post_behavioral_analytics_event": "Add events to behavioral analytics",
    "read_ccr": "See cross-cluster replication",
    "read_connector_secrets": "Read secrets of connectors",
    "read_fleet_secrets": "Read secrets of Fleet",
    "read_ilm": "See index lifecycle policies",
    "read_pipeline": "See ingest pipelines",
    "read_security": "See users, roles and API keys",
    "read_slm": "See snapshot lifecycle policies",
    "transport_client": "Connect with the Java transport client",
    "write_connector_secrets": "Write secrets of connectors",
    "write_fleet_secrets": "Write secrets of Fleet",
}
