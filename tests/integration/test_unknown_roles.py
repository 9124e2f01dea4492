"""Users whose roles do not exist, on a page that is looked at: found by the names that were read some seconds ago."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.services import roles, users
from accounts.services.client import PersonClient, invalidate
from accounts.services.users import User, UserQuery, unknown_roles
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode

QUERY = UserQuery(flags=("unknown-roles",), size=100)
ROLES, USERS = "GET /_security/role", "POST /_security/_query/user"


@pytest.fixture(autouse=True)
def people(node: TestNode, settings: Settings) -> Iterator[None]:
    node.put_user("jdoe", roles=["viewer", "nope"])
    node.put_user("zoe", roles=["gone"])
    node.put_user("bare")
    settings.CACHE_SECONDS = 60
    invalidate()
    yield
    invalidate()


@pytest.fixture
def ada() -> PersonClient:
    return PersonClient("ada", PASSWORD, frozenset(["manage_security", "read_security"]))


def found(person: PersonClient, query: UserQuery = QUERY) -> list[str]:
    return [user.username for user in users.list_page(person, query).users]


def test_calls_of_the_cached_list(ada: PersonClient, calls: list[str]) -> None:
    assert found(ada) == ["jdoe", "zoe"]
    assert calls == [ROLES, USERS, USERS]
    del calls[:]
    assert found(ada) == ["jdoe", "zoe"]
    assert found(ada, UserQuery(flags=("unknown-roles",), q="jd")) == ["jdoe"]
    assert calls == [USERS, USERS, USERS]  # one to compare texts
    assert unknown_roles.names(ada) == frozenset(["nope", "gone"])


def test_no_user_has_a_profile(node: TestNode, ada: PersonClient) -> None:
    node.elastic.security.delete_user(username="jdoe")
    node.elastic.security.delete_user(username="zoe")
    assert unknown_roles.names(ada) == frozenset()
    assert found(ada) == found(ada) == []


def test_many_users_with_nonexistent_roles(ada: PersonClient, monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
    monkeypatch.setattr(unknown_roles, "MAX_USERS", 1)
    assert found(ada) == found(ada) == ["jdoe", "zoe"]
    assert unknown_roles.names(ada) is None
    assert calls == [ROLES, USERS, USERS, USERS]


def test_what_this_process_changes_is_seen_at_once(ada: PersonClient) -> None:
    assert found(ada) == ["jdoe", "zoe"]
    users.create(ada, User("new", roles=("never_defined",)), PASSWORD)
    assert found(ada) == ["jdoe", "new", "zoe"]
    new = users.get(ada, "new")
    users.update(ada, new, User("new", roles=("viewer",)))
    assert found(ada) == ["jdoe", "zoe"]
    users.delete(ada, "zoe")
    assert found(ada) == ["jdoe"]


def test_only_changed_names_are_read_again(ada: PersonClient, calls: list[str]) -> None:
    found(ada)
    users.create(ada, User("new", roles=("never_defined",)), PASSWORD)
    del calls[:]
    found(ada)
    assert calls == [USERS, USERS]


def test_a_role_that_exists_by_now_is_none_of_them(node: TestNode, ada: PersonClient) -> None:
    assert found(ada) == ["jdoe", "zoe"]
    node.elastic.security.put_role(name="gone", cluster=["monitor"])
    try:
        invalidate(roles.roles._known)
        assert found(ada) == ["jdoe"]
    finally:
        node.elastic.security.delete_role(name="gone")


def test_nonexistent_roles_are_found_for_new_users(node: TestNode, ada: PersonClient) -> None:
    found(ada)
    node.put_user("new", roles=["never_defined"])
    assert [user.username for user in users.search(ada, QUERY).users] == ["jdoe", "new", "zoe"]


def test_the_page(signed_in: Callable[..., Client]) -> None:
    page = signed_in("ada").get("/users/?flag=unknown-roles").content.decode()
    assert page.count("userRowUserName") == 2
    assert page.count(", does not exist") == 2
