"""The trail, replayed from an empty list, against the list that the node has."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.services import audit, errors, passwords, users
from accounts.services.audit import replay
from accounts.services.client import PersonClient
from accounts.services.documents import indices
from accounts.services.users import User
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode

NAMES = ("anna", "b/c", "..")
PROFILES: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    full_name=st.sampled_from(["", "Anna", 'Жанна\n\u2028"}']),
    email=st.sampled_from(["", "a@example.org"]),
    roles=st.lists(st.sampled_from(["viewer", "editor", "nope"]), unique=True).map(tuple),
)
CHANGES = ("create", "update", "edit of what was", "enable", "disable", "delete", "password")
STEPS = st.lists(st.tuples(st.sampled_from(CHANGES), st.sampled_from(NAMES), PROFILES), min_size=1, max_size=12)


def step(ada: PersonClient, change: str, name: str, profile: dict[str, Any]) -> None:
    """One change, which may be refused: the user is missing, exists, or is another by now."""
    wanted = User(name, **profile)
    does: dict[str, Callable[[], object]] = {
        "create": lambda: users.create(ada, wanted, PASSWORD),
        "update": lambda: users.update(ada, users.get(ada, name), wanted),
        "edit of what was": lambda: users.update(ada, User(name, "somebody else"), wanted),
        "enable": lambda: users.enable(ada, name),
        "disable": lambda: users.disable(ada, name),
        "delete": lambda: users.delete(ada, name),
        "password": lambda: passwords.change(ada, name, "another-password"),
    }
    try:
        does[change]()
    except (errors.NotFound, errors.UserExists, errors.EditConflict):
        pass


@pytest.mark.timeout(300)
def test_replay_matches_the_user_list(node: TestNode, person: Callable[[str], PersonClient]) -> None:
    ada = person("ada")

    @given(STEPS)
    @settings(max_examples=12, database=None, suppress_health_check=list(HealthCheck))
    def property_holds(steps: list[tuple[str, str, dict[str, Any]]]) -> None:
        for name in NAMES:
            if node.user(name):
                node.elastic.security.perform_request(
                    "DELETE", f"/_security/user/{name.replace('/', '%2F').replace('..', '%2E%2E')}"
                )
        begin = timezone.now()
        for change, name, profile in steps:
            step(ada, change, name, profile)
        node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
        on_node = {name: users.audited_fields(users.get(ada, name)) for name in NAMES if node.user(name)}
        replayed = replay.users(since=begin)
        assert all(user.is_created for user in replayed.values())
        assert {name: known(user.fields) for name, user in replayed.items()} == {
            name: known(facts) for name, facts in on_node.items()
        }

    property_holds()


def known(fields: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in fields.items() if value is not None}


def checked(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> str:
    """What `manage.py check_audit_trail` prints; it ends with an error where there is a difference."""
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "otto")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", PASSWORD)
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    out = StringIO()
    try:
        call_command("check_audit_trail", stdout=out)
    except CommandError as exc:
        return f"{out.getvalue()}{exc} ({exc.returncode})"
    return out.getvalue()


def test_a_command_names_what_was_changed_elsewhere(
    node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = person("ada")
    for name in ("kim", "lee", "sam"):
        users.create(ada, User(name, full_name=name.title(), roles=("viewer",)), PASSWORD)
    users.disable(ada, "beats_system")
    users.enable(ada, "beats_system")
    assert "All users are as the audit trail has them." in checked(node, monkeypatch)

    node.put_user("kim", full_name="Kim", roles=["superuser"], email="kim@example.org")
    node.elastic.security.delete_user(username="lee")
    node.put_user("somebody.else")
    output = checked(node, monkeypatch)
    assert (
        "kim: email is 'kim@example.org', in the audit trail None; roles is ['superuser'], in the audit trail ['viewer']" in output
    )
    assert "lee: not in Elasticsearch" in output
    assert "sam" not in output
    assert "Users in the audit trail: 4." in output
    assert output.endswith("2 users differ from the audit trail. (2)")
    node.put_user("kim", full_name="Kim", roles=["viewer"])
    assert checked(node, monkeypatch).endswith("1 user differs from the audit trail. (2)")


def test_a_command_names_damaged_events(
    node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves them out, and compares the rest."""
    ada = person("ada")
    for name in ("kim", "lee"):
        users.create(ada, User(name, full_name=name.title(), roles=("viewer",)), PASSWORD)
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    creation = audit.search(audit.Query(target="kim", action="user-create")).events[0]
    document = node.elastic.get(index=creation.index, id=f"{creation.id}-outcome").body["_source"]
    event = {**document["event"], "action": "user-delete"}
    damaged = {**document, "@timestamp": creation.moment.isoformat(), "user": {"name": 7}, "event": event}
    for id in ("another", "no/id"):
        node.elastic.index(index=creation.index, id=id, document=damaged)
    output = checked(node, monkeypatch)
    assert f"Damaged event in {creation.index}: another, {creation.moment:%Y-%m-%d %H:%M} UTC, Delete user kim\n" in output
    assert f"Damaged event in {creation.index}: an ID with other characters, " in output
    assert "Users in the audit trail: 2." in output
    assert "kim: " not in output
    assert output.endswith("2 damaged events were left out. (2)")
    node.elastic.security.delete_user(username="lee")
    assert checked(node, monkeypatch).endswith("1 user differs from the audit trail. 2 damaged events were left out. (2)")
