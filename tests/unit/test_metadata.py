"""Replacing metadata, with calls that merge and erase as Elasticsearch does, and that fail at every place."""

from collections.abc import Mapping
from typing import Any

import pytest

from accounts.services import errors
from accounts.services.users import merged_metadata, metadata

OLD = {"team": "a", "nested": {"x": 1, "y": 2}, "flag": True}


class Stored:
    """`_security/user` as far as metadata goes: a call without it erases what is stored."""

    def __init__(self, content: Mapping[str, Any], fails_at: int = 0, error: errors.ServiceError | None = None) -> None:
        self.content, self.calls, self.fails_at, self.error = dict(content), 0, fails_at, error

    def put(self, *, metadata: Mapping[str, Any] | None = None) -> None:
        self.calls += 1
        if self.calls == self.fails_at and self.error:
            raise self.error
        self.content = merged_metadata(self.content, metadata) if metadata is not None else {}


@pytest.mark.parametrize(
    ("wanted", "calls"),
    [
        (OLD, 1),
        ({**OLD, "new": None}, 1),
        ({**OLD, "flag": 1}, 1),
        ({**OLD, "nested": {"x": 1, "y": 2, "z": {}}}, 1),
        ({**OLD, "nested": "text"}, 1),
        ({"team": "a"}, 2),
        ({**OLD, "nested": {"x": 1}}, 3),
        ({"team": "b"}, 3),
        ({}, 1),
    ],
)
def test_metadata_is_exactly_as_wanted_with_the_fewest_calls(wanted: dict[str, Any], calls: int) -> None:
    stored = Stored(OLD)
    metadata.replace(stored.put, OLD, wanted)
    assert metadata.is_same(stored.content, wanted)
    assert stored.calls == calls


@pytest.mark.parametrize(
    ("fails_at", "error", "raised", "left"),
    [
        (1, errors.Invalid("no"), errors.Invalid, OLD),
        (2, errors.Declined("busy"), errors.MetadataUnknown, {**OLD, "team": "b"}),
        (2, errors.OutcomeUnknown("lost"), errors.MetadataUnknown, {**OLD, "team": "b"}),
        (3, errors.Declined("busy"), errors.MetadataErased, {}),
        (3, errors.OutcomeUnknown("lost"), errors.MetadataUnknown, {}),
    ],
)
def test_a_failure_says_what_is_left(fails_at: int, error: errors.ServiceError, raised: type[Exception], left: object) -> None:
    stored = Stored(OLD, fails_at, error)
    with pytest.raises(errors.ServiceError) as caught:
        metadata.replace(stored.put, OLD, {"team": "b"})
    assert type(caught.value) is raised
    assert stored.content == left


def test_keys_with_an_underscore_are_never_erased() -> None:
    old = {**OLD, "_own": 1}
    stored = Stored(old)
    metadata.replace(stored.put, old, {**OLD, "team": "b", "_own": 2})
    assert stored.content == {**old, "team": "b"}
    with pytest.raises(errors.Refused):
        metadata.replace(stored.put, stored.content, {"team": "b"})
    assert stored.content == {**old, "team": "b"}


def test_half_characters_stay_as_they_are_stored() -> None:
    old = {"a\ud800": "b\udfff", "gone": 1}
    stored = Stored(old)
    metadata.replace(stored.put, old, {"a?": "b?"})
    assert stored.content == {"a\ud800": "b\udfff"}


def test_differences_are_named_by_key() -> None:
    found = metadata.differences({"a": 1, "b": True, "_c": 1}, {"b": 1, "d": ["x"]})
    assert [(each.label, each.was, each.now) for each in found] == [
        ("Metadata “a”", "1", ""),
        ("Metadata “b”", "true", "1"),
        ("Metadata “d”", "", '["x"]'),
    ]
