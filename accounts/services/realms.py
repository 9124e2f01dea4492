"""Realms: Elasticsearch doesn't list them to `read_security`, so these are the ones that something else names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from accounts.services.client import PersonClient

FIELD: Final = "realm.name"


@dataclass(frozen=True, slots=True)
class Realm:
    """A realm, or a pattern of realm names in a role mapping. `type`: "" if nothing says it. `seen`: where it is named."""

    name: str
    type: str = ""
    seen: tuple[str, ...] = ()


def configured(client: PersonClient) -> list[Realm]:
    """The realms in the settings of all nodes (`_nodes/settings`). Raises AccessDenied without the cluster privilege `monitor`."""
    answer = client.perform_request(
        "GET",
        "/_nodes/settings",
        params={"filter_path": "_nodes.total,nodes.*.settings.xpack.security.authc.realms"},
        headers={"accept": "application/json"},
        endpoint_id="nodes.info",
    )
    return in_settings(answer.body)


def in_settings(answer: Mapping[str, Any]) -> list[Realm]:
    """The realms of `_nodes/settings`, with the number of nodes that have them."""
    states: dict[tuple[str, str], list[bool]] = {}
    for node in answer.get("nodes", {}).values():
        for type, realms in node["settings"]["xpack"]["security"]["authc"]["realms"].items():
            for name, settings in realms.items():
                states.setdefault((type, name), []).append(settings.get("enabled") != "false")
    total = answer["_nodes"]["total"]
    return [Realm(name, type, tuple(_settings_of(enabled, total))) for (type, name), enabled in states.items()]


def _settings_of(enabled: Sequence[bool], total: int) -> Iterator[str]:
    for is_on, label in ((True, "Configured"), (False, "Turned off")):
        if is_on in enabled:
            yield f"{label} in the settings of {enabled.count(is_on)} of {total} node{'' if total == 1 else 's'}"


def named_in(rules: Any) -> Iterator[str]:
    """The realm names, and patterns of them, in the rules of a role mapping."""
    if isinstance(rules, list):
        for rule in rules:
            yield from named_in(rule)
    elif isinstance(rules, Mapping):
        for name, value in rules.items():
            if name == "field" and FIELD in value:
                yield from map(str, value[FIELD] if isinstance(value[FIELD], list) else [value[FIELD]])
            else:
                yield from named_in(value)


def merge(realms: Iterable[Realm]) -> list[Realm]:
    """One for each name, sorted, with all that names it."""
    found: dict[str, Realm] = {}
    for realm in realms:
        known = found.get(realm.name, Realm(realm.name))
        found[realm.name] = Realm(realm.name, known.type or realm.type, (*known.seen, *realm.seen))
    return [found[name] for name in sorted(found)]
