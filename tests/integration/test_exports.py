"""Exports on a real node: what stands in a row, and what proves that all rows are there."""

from collections.abc import Callable

import pytest

from accounts.services import audit, exports, indices, users
from accounts.services.connection import Person
from accounts.services.user_list import UserQuery
from accounts.services.users import User
from tests.conftest import CAST, PASSWORD, TestNode


@pytest.fixture
def otto(person: Callable[[str], Person]) -> Person:
    return person("otto")


def named(connection: Person, *usernames: str, query: UserQuery = UserQuery()) -> list[exports.Row]:  # noqa: B008
    found = {row.username: row for row in exports.rows(connection, query)}
    return [found[username] for username in usernames]


def test_a_row_says_what_is_known_of_a_user(node: TestNode, otto: Person, person: Callable[[str], Person]) -> None:
    node.elastic.security.put_role(name="single", cluster=["cluster:admin/xpack/security/user/put"])
    node.elastic.security.put_role(name="keys", cluster=["manage_own_api_key"])
    users.create(person("ada"), User("kim", "Kim", "kim@example.org", ("keys", "nope"), metadata={"team": "blue"}), PASSWORD)
    node.put_user("lee", roles=["user_admin"], enabled=False)
    node.put_user("max", roles=["single"])
    for name in ("one", "two"):
        node.elastic.options(basic_auth=("kim", PASSWORD)).security.create_api_key(name=name, expiration="1d", refresh="true")
    node.elastic.security.invalidate_api_key(name="two")
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")

    kim, lee, unjudged, elastic, kibana = named(otto, "kim", "lee", "max", "elastic", "kibana")

    assert kim[:10] == ("kim", "Kim", "kim@example.org", True, False, False, ("keys", "nope"), ("nope",), False, 1)
    assert kim.metadata == {"team": "blue"}
    assert kim.created
    assert kim.created == kim.password_changed
    assert kim.last_sign_in is None
    assert (lee.enabled, lee.may_change_users, lee.created, lee.living_api_keys) == (False, True, None, 0)
    assert unjudged.may_change_users is None
    assert (elastic.reserved, elastic.may_change_users, kibana.deprecated) == (True, True, True)
    node.elastic.security.delete_role(name="single")


def test_rows_are_those_of_the_list_in_its_order(node: TestNode, otto: Person) -> None:
    node.put_user("jdoe", roles=["viewer"])
    query = UserQuery(roles=("viewer", "superuser"), sort="username", descending=True, size=10, number=7, after=("b", "b"))
    listing = exports.Listing(otto, query)
    assert [row.username for row in listing] == ["norah", "jdoe", "elastic"]

    block = listing.completeness("abc")
    assert (block.rows, block.users_before, block.users_after, block.is_exact) == (3, 3, 3, True)
    assert (block.cluster_id, block.generated_by) == (node.elastic.cluster.state(metric="version")["cluster_uuid"], "otto")
    assert block.filter == "with the role viewer or superuser; sorted by user name, descending"
    assert block.query == "role=viewer&role=superuser&sort=username&order=desc"
    assert exports.Completeness.of(block.as_dict()) == block
    assert audit.begins()


def test_a_list_that_changed_while_it_was_read_says_so(node: TestNode, otto: Person) -> None:
    listing = exports.Listing(otto, UserQuery(kind="native"))
    assert listing.total == len(CAST) + 1
    list(listing)
    node.put_user("late")
    block = listing.completeness("")
    assert not block.is_exact
    assert f"counted {len(CAST) + 1} before and {len(CAST) + 2} after, and {len(CAST) + 1} are in it" in block.verdict
