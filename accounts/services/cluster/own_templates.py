"""The index templates of usermgmt, as setup_cluster creates them, and whether they still are that in the cluster."""

import json
from collections.abc import Mapping
from typing import Any, Final

from accounts.services.documents import indices

PRIORITY: Final = 1_000_000  # the template with the highest priority applies alone; `*` with 10 or 500 is common
# What Elasticsearch adds, and what has no effect on an index.
IGNORED: Final = ("_meta", "version", "created_date", "created_date_millis", "modified_date", "modified_date_millis")


def bodies() -> dict[str, dict[str, Any]]:
    """By name. `_meta` has a copy, because Elasticsearch returns templates in other words."""
    found = {name: {**template, "priority": PRIORITY} for name, template in indices.TEMPLATES.items()}
    return {name: {**body, "_meta": {"usermgmt": body}} for name, body in found.items()}


def is_of_this_version(found: Mapping[str, Any], name: str) -> bool:
    """Whether a template from a response was created by this version, as it is now or before somebody changed it."""
    return bool(found.get("_meta") == bodies()[name]["_meta"])


def is_changed(found: Mapping[str, Any], name: str) -> bool:
    """Whether a template of this version, from a response with flat settings, has another effect than when it was created."""
    return bool(_comparable(found) != _comparable(bodies()[name]))


def _comparable(body: Mapping[str, Any]) -> Any:
    """What has an effect, in the words of either a request or a response."""
    template = {**body.get("template", {})}
    settings = {f"index.{name.removeprefix('index.')}": value for name, value in template.pop("settings", {}).items()}
    rest = {name: value for name, value in body.items() if name not in (*IGNORED, "template") and value != []}
    return _texts({**rest, "template": {**template, "settings": settings}})


def _texts(value: Any) -> Any:
    """All scalars as text, as Elasticsearch returns settings."""
    if isinstance(value, Mapping):
        return {name: _texts(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_texts(each) for each in value]
    return value if isinstance(value, str) else json.dumps(value)
