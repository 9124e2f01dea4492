"""What isn't edited in the form of a user is stored as before, whatever it is."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from elasticsearch import BadRequestError
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from accounts.services import audit
from tests.support.forms import fields, posted
from tests.support.names import HOSTILE_ROLES
from tests.support.nodes import TestNode

URL = "/users/edit/jdoe"
# Of an arbitrary password: with a hash, the node replaces the user without hashing.
PASSWORD_HASH = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
HOSTILE_TEXTS = [
    *("", " asf ", " sp@x.org ", "Jane\nDoe", "\r\n", "\0", "a\ud800b"),
    *("\u2028\x85\x0b\x0c", "\ufeffx\u202e", "x" * 5000, "&amp;<b>\"'"),
]
ROLES = ["viewer", "editor", "kibana_admin", "gone", *HOSTILE_ROLES]
EDITS: list[dict[str, Any]] = [
    {},
    {"full_name": "Jörg"},
    {"full_name": ""},
    {"email": "jörg@x.example"},
    {"roles": ["viewer", "monitoring_user"]},
]

characters = st.one_of(st.sampled_from("\0\r\n\t \x0b\x85\u2028\ud800&<\"'"), st.characters())
texts = st.one_of(st.none(), st.sampled_from(HOSTILE_TEXTS), st.text(characters, max_size=20))
numbers = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
keys = st.text("abc -", min_size=1, max_size=3)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=5,
)


@pytest.fixture
def ada(signed_in: Callable[..., Client]) -> Client:
    return signed_in("ada")


def stored(node: TestNode) -> dict[str, str]:
    """Each field of the user as JSON."""
    user = node.user("jdoe")
    assert user
    return {name: json.dumps(value, sort_keys=True) for name, value in user.items()}


def expected(field: str, value: Any, before: Any) -> Any:
    """What is stored for an edited field."""
    if field == "roles":
        return [*(name for name in dict.fromkeys(before) if name in value), *(name for name in value if name not in before)]
    is_shown = value == re.sub(r"[\r\n]", "", before or "")
    return before if is_shown else value or None


@given(
    edit=st.sampled_from(EDITS),
    full_name=texts,
    email=texts,
    roles=st.lists(st.sampled_from(ROLES), max_size=6),
    enabled=st.booleans(),
    metadata=st.dictionaries(keys, values, max_size=3),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_other_fields_are_stored_as_before(
    node: TestNode,
    ada: Client,
    edit: dict[str, Any],
    full_name: str | None,
    email: str | None,
    roles: list[str],
    enabled: bool,
    metadata: dict[str, Any],
) -> None:
    body = {"full_name": full_name, "email": email, "roles": roles, "enabled": enabled, "metadata": metadata}
    try:
        node.elastic.security.put_user(username="jdoe", password_hash=PASSWORD_HASH, **body)  # type: ignore[arg-type]
    except BadRequestError:
        reject()
    before = stored(node)

    response = ada.post(URL, posted(ada, URL, **edit))

    assert response.status_code == 302, response.content.decode()
    changed = {name: json.dumps(expected(name, value, body[name])) for name, value in edit.items()}
    assert stored(node) == {**before, **changed}


@pytest.mark.parametrize(
    ("body", "edit", "changes"),
    [
        ({"roles": ["viewer", "editor", "kibana_admin"]}, {"full_name": "Jane"}, {"full_name": (None, "Jane")}),
        ({"email": " sp@x.org "}, {"full_name": "Jane"}, {"full_name": (None, "Jane")}),
        ({"email": " sp@x.org "}, {"email": "sp@x.org"}, {"email": (" sp@x.org ", "sp@x.org")}),
        ({"full_name": "Jane\nDoe"}, {"email": "a@b"}, {"email": (None, "a@b")}),
        ({"full_name": "a\ud800b"}, {"email": "a@b"}, {"email": (None, "a@b")}),
        ({"full_name": "Jane\nDoe"}, {"full_name": "Jane"}, {"full_name": ("Jane\nDoe", "Jane")}),
        ({"roles": ["viewer", "viewer"]}, {"roles": ["editor", "viewer"]}, {"roles": (["viewer", "viewer"], ["editor", "viewer"])}),
    ],
)
def test_the_audit_trail_has_what_was_changed(
    node: TestNode, ada: Client, body: dict[str, Any], edit: dict[str, Any], changes: dict[str, Any]
) -> None:
    node.put_user("jdoe", **body)
    before = stored(node)
    assert ada.post(URL, posted(ada, URL, **edit)).status_code == 302
    node.elastic.indices.refresh(index="usermgmt-*", expand_wildcards=["open", "hidden"])
    assert audit.of_target("user", "jdoe").events[0].changes == changes
    after = {name: ["viewer", "editor"] if name == "roles" else value for name, (_, value) in changes.items()}
    assert stored(node) == {**before, **{name: json.dumps(value) for name, value in after.items()}}


def test_a_conflict_keeps_what_was_not_edited(node: TestNode, ada: Client) -> None:
    body: dict[str, Any] = {"full_name": "Jane\nDoe", "email": " asf ", "roles": ["viewer", "gone", "editor", "viewer"]}
    node.put_user("jdoe", **body)
    data = posted(ada, URL, email="jörg@x.example")
    node.put_user("jdoe", **body | {"full_name": "\r\nJanet\n"})
    conflict = ada.post(URL, data)
    assert conflict.status_code == 409

    assert ada.post(URL, fields(conflict.content.decode())).status_code == 302

    user = node.user("jdoe") or {}
    assert (user["full_name"], user["email"], user["roles"]) == ("\r\nJanet\n", "jörg@x.example", body["roles"])
