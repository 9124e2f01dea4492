"""Metadata of users, which Elasticsearch merges: a key is only removed by erasing all of it and writing the rest again."""

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

from accounts.services import errors
from accounts.services.client import showable

RESERVED_PREFIX: Final = "_"


class Put(Protocol):
    """`put_user` with everything but the metadata. Without `metadata`, Elasticsearch erases what is stored."""

    def __call__(self, *, metadata: Mapping[str, Any] | None = None) -> object: ...


def editable_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Without the keys that only Elasticsearch itself can write."""
    return {key: value for key, value in metadata.items() if not key.startswith(RESERVED_PREFIX)}


def is_same(one: Any, other: Any) -> bool:
    """As JSON: true isn't 1, and 1 isn't 1.0."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def merged_metadata(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """As Elasticsearch merges metadata: at every depth. {} changes nothing."""
    result = dict(old)
    for key, value in new.items():
        before = result.get(key)
        is_merged = isinstance(before, Mapping) and isinstance(value, Mapping)
        result[key] = merged_metadata(before, value) if is_merged else value  # type: ignore[arg-type]
    return result


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of `new` that are added or have another value."""
    return {key: value for key, value in new.items() if key not in old or not is_same(old[key], value)}


def changed_keys(was: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """Those that are added, removed, or have another value."""
    return changed(was, now).keys() | (was.keys() - now.keys())


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[errors.FieldConflict]:
    """The keys that differ, other than those that start with an underscore."""
    before, after = editable_metadata(was), editable_metadata(now)
    return [
        errors.FieldConflict(f"{errors.METADATA_KEY}{key}", _text(before, key), _text(after, key))
        for key in sorted(changed_keys(before, after))
    ]


def _text(metadata: Mapping[str, Any], key: str) -> str:
    return json.dumps(metadata[key], ensure_ascii=False, sort_keys=True) if key in metadata else ""


def replace(put: Put, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Write the metadata so that the user has exactly the keys of `wanted`, and as stored what starts with an underscore.

    If something has to be removed, everything new is written first, so that nothing is erased if Elasticsearch rejects it.
    Raises Refused if the erasing would take keys that can't be written again, MetadataErased if the last call failed, and
    MetadataUnknown if it is unknown whether the erasing or the last call was applied, or if only the first call was.
    """
    kept, wanted = editable_metadata(stored), _as_stored(stored, editable_metadata(wanted))
    new = changed(kept, wanted)
    if is_same(merged_metadata(kept, wanted), wanted):
        put(metadata=new)
        return
    if len(kept) < len(stored):
        raise errors.Refused(
            "This user has metadata keys that start with an underscore. Elasticsearch would remove them together with other keys "
            "and doesn't allow adding them again. You can change values, but you can't remove keys."
        )
    if new:
        put(metadata=new)
    try:
        put()
    except errors.ServiceError as exc:
        if not new and not isinstance(exc, errors.OutcomeUnknown):
            raise
        raise errors.MetadataUnknown(str(exc)) from None
    if not wanted:
        return
    try:
        put(metadata=wanted)
    except errors.OutcomeUnknown as exc:
        raise errors.MetadataUnknown(str(exc)) from None
    except errors.ServiceError as exc:
        raise errors.MetadataErased(str(exc)) from None


def _as_stored(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """With the stored keys and values where only their shown form is known (see `showable`)."""
    keys = {showable(key): key for key in stored}
    return {
        keys.get(key, key): stored[keys[key]] if key in keys and is_same(showable(stored[keys[key]]), value) else value
        for key, value in wanted.items()
    }
