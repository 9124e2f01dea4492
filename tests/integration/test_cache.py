"""What is kept for some seconds, and for whom."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.services import role_mappings, roles, users
from accounts.services.client import PersonClient, cached_per_scope, invalidate
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode


@pytest.fixture(autouse=True)
def keeping(settings: Settings) -> Iterator[None]:
    settings.CACHE_SECONDS = 60
    invalidate()
    yield
    invalidate()


def scoped(username: str, *privileges: str) -> PersonClient:
    return PersonClient(username, PASSWORD, frozenset(privileges))


def test_cache_is_shared_by_equal_privileges(node: TestNode, calls: list[str]) -> None:
    for _ in range(3):
        roles.all_roles(scoped("ada", "manage_security", "read_security"))
        users.reserved(scoped("ada", "manage_security", "read_security"))
    assert len(calls) == 2


def test_cache_is_per_privileges(node: TestNode, calls: list[str]) -> None:
    for person in (
        scoped("ada", "manage_security", "read_security"),
        scoped("otto", "read_security"),
        PersonClient("ada", PASSWORD),
    ):
        roles.all_roles(person)
    roles.all_roles(PersonClient("ada", PASSWORD))
    assert len(calls) == 4


def test_own_change_is_visible_immediately(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    assert "userDisabled" not in ada.get("/users/?q=beats").content.decode()
    ada.post("/users/deactivate/beats_system")
    assert "userDisabled" in ada.get("/users/?q=beats").content.decode()
    ada.post("/users/activate/beats_system")


def test_cached_list_page_takes_one_call(node: TestNode, signed_in: Callable[..., Client], calls: list[str]) -> None:
    ada = signed_in("ada")
    ada.get("/users/")
    calls.clear()
    ada.get("/users/")
    assert [call for call in calls if "usermgmt-sessions" not in call] == ["POST /_security/_query/user"]


def test_role_mappings_are_cached_for_pages(node: TestNode, signed_in: Callable[..., Client], calls: list[str]) -> None:
    rules = {"field": {"realm.name": "ldap1"}}
    node.elastic.security.put_role_mapping(name="staff", enabled=True, roles=["viewer"], rules=rules)
    ada = signed_in("ada")
    for _ in range(2):
        assert "staff" in ada.get("/role-mappings/?q=ldap1").content.decode()
        assert ada.get("/access/").status_code == 200
    assert calls.count("GET /_security/role_mapping") == 1
    ada.post("/role-mappings/export", {"format": "csv"}).getvalue()
    assert calls.count("GET /_security/role_mapping") > 1, "an export isn't from the cache"

    client = scoped("ada", "manage_security", "read_security")
    role_mappings.disable(client, role_mappings.get(client, "staff"))
    assert "staff" not in ada.get("/role-mappings/?status=enabled").content.decode(), "an own change is visible at once"
    role_mappings.delete(client, role_mappings.get(client, "staff"))
    assert "staff" not in ada.get("/role-mappings/").content.decode()


def test_cache_serves_stale_value_while_reading(settings: Settings) -> None:
    settings.CACHE_SECONDS = 0  # an answer is old at once
    asking, may_answer = Event(), Event()
    answers: list[int] = []

    @cached_per_scope
    def read(client: PersonClient) -> int:
        answers.append(len(answers))
        if len(answers) > 1:
            asking.set()
            assert may_answer.wait(10)
        return answers[-1]

    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    person = scoped("ada", "read_security")
    assert read(person) == 0
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(read, person)
        assert asking.wait(10)
        assert [read(person) for _ in range(3)] == [0, 0, 0]
        may_answer.set()
        assert slow.result() == 1


def test_cache_is_invalidated_by_a_change(settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    values = iter([1, 2])

    @cached_per_scope
    def read(client: PersonClient) -> int:
        value = next(values)
        if value == 1:
            invalidate()  # another thread's change, in the middle
        return value

    person = scoped("ada", "read_security")
    assert [read(person) for _ in range(3)] == [1, 2, 2]
