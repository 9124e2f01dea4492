"""What is kept for some seconds, and for whom."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event, current_thread

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.services import errors, role_mappings, roles, users
from accounts.services.client import PersonClient, cache, cached_per_scope, invalidate
from accounts.services.roles import file_roles
from tests.support.cast import PASSWORD
from tests.support.faults import LOST, faulty
from tests.support.file_roles import answer_with
from tests.support.nodes import TestNode
from tests.support.programs import basic


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


def test_own_change_is_visible_although_its_answer_is_lost(
    node: TestNode, settings: Settings, signed_in: Callable[..., Client]
) -> None:
    node.elastic.security.put_role_mapping(name="staff", enabled=True, roles=["viewer"], rules={"field": {"username": "jo"}})
    with faulty(node) as server:
        settings.ELASTICSEARCH_HOSTS = [server.url]
        server.answers = {"PUT /_security/user/beats_system/_disable": LOST, "DELETE /_security/role_mapping/staff": LOST}
        ada, client = signed_in("ada"), scoped("ada", "manage_security", "read_security")
        assert "userDisabled" not in ada.get("/users/?q=beats").content.decode()
        assert "staff" in ada.get("/role-mappings/").content.decode()
        ada.post("/users/deactivate/beats_system")
        assert "userDisabled" in ada.get("/users/?q=beats").content.decode()
        with pytest.raises(errors.OutcomeUnknown):
            role_mappings.delete(client, role_mappings.get(client, "staff"))
        assert "staff" not in ada.get("/role-mappings/").content.decode()
        ada.post("/users/activate/beats_system")


@pytest.mark.parametrize("change", ["deletion", "edit", "API"])
def test_end_date_is_counted_again_after_an_own_change(node: TestNode, signed_in: Callable[..., Client], change: str) -> None:
    node.put_user("contractor", metadata={"active_until": "2020-01-31"})
    ada, client = signed_in("ada"), scoped("ada", "manage_security", "read_security")
    assert "1 user has passed" in ada.get("/users/past-end-date").content.decode()
    contractor = users.get(client, "contractor")
    if change == "deletion":
        users.delete(client, "contractor")
    elif change == "edit":
        users.update_all(client, contractor, replace(contractor, metadata={"active_until": "2999-01-31"}))
    else:
        body = {"roles": [], "enabled": False}
        headers = {"authorization": basic("ada")}
        answer = Client().put("/_security/user/contractor", body, content_type="application/json", headers=headers)
        assert answer.json() == {"created": False}
    assert "passed" not in ada.get("/users/past-end-date").content.decode()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of the cache, in seconds."""
    now = [0.0]
    monkeypatch.setattr(cache, "monotonic", lambda: now[0])
    return now


def test_previous_answer_is_used_while_it_is_read_again(settings: Settings, clock: list[float]) -> None:
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
    clock[0] = 100
    assert read(person) == 0
    clock[0] = 160
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(read, person)
        assert asking.wait(10)
        assert [read(person) for _ in range(3)] == [0, 0, 0]
        clock[0] = 220  # twice CACHE_SECONDS: too old for anyone
        late = pool.submit(read, person)
        may_answer.set()
        assert (slow.result(), late.result()) == (1, 1)


def test_roles_in_files_are_counted_once_a_minute(
    node: TestNode, settings: Settings, clock: list[float], calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call takes a large cluster long."""
    settings.CACHE_SECONDS = 5
    answer_with(monkeypatch, 0)
    counted = []
    for clock[0] in (100.0, 104.0, 159.0, 161.0):
        invalidate()  # no change of a user changes files
        assert not file_roles.may_exist()
        counted.append(len([call for call in calls if "/_xpack/usage" in call]))
    assert counted == [1, 1, 1, 2]


def test_who_waited_uses_an_answer_that_took_long(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asking, may_answer, waiting = Event(), Event(), Event()
    answers, now = list[int](), [100.0]

    def monotonic() -> float:
        if current_thread().name.startswith("waiting"):
            waiting.set()
        return now[0]

    @cached_per_scope
    def read(client: PersonClient) -> int:
        answers.append(len(answers))
        if len(answers) == 2:
            asking.set()
            assert may_answer.wait(10)
            now[0] += 70
        return answers[-1]

    monkeypatch.setattr(cache, "monotonic", monotonic)
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    person = scoped("ada", "read_security")
    assert read(person) == 0
    now[0] = 250
    with ThreadPoolExecutor(1) as pool, ThreadPoolExecutor(1, thread_name_prefix="waiting") as others:
        slow = pool.submit(read, person)
        assert asking.wait(10)
        late = others.submit(read, person)
        assert waiting.wait(10)
        may_answer.set()
        assert (slow.result(), late.result(), len(answers)) == (1, 1, 2)


def test_answer_expires_with_the_answers_that_it_is_made_from(settings: Settings, clock: list[float]) -> None:
    @cached_per_scope
    def part(client: PersonClient) -> float:
        return clock[0]

    @cached_per_scope
    def whole(client: PersonClient) -> float:
        return part(client)

    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    person = scoped("ada", "read_security")
    clock[0] = 100
    assert part(person) == 100
    for clock[0], expected in ((150, 100), (159, 100), (160, 160)):
        assert whole(person) == expected


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
