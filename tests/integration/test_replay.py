"""The trail, replayed from an empty list, against the list that the node has."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.services import errors, passwords, users
from accounts.services.audit import replay
from accounts.services.client import PersonClient
from accounts.services.documents import indices
from accounts.services.users import User
from tests.conftest import PASSWORD, TestNode

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
def test_replaying_the_trail_gives_the_list_of_the_node(node: TestNode, person: Callable[[str], PersonClient]) -> None:
    ada = person("ada")

    @given(STEPS)
    @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
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
        assert replay.users(since=begin) == {
            name: {field: value for field, value in facts.items() if value is not None} for name, facts in on_node.items()
        }

    property_holds()
