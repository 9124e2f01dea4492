"""Users through the services, looked at on the node."""

import multiprocessing
import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from multiprocessing.synchronize import Barrier
from time import sleep
from typing import Any

import pytest
from django.conf import settings

from accounts.services import errors, users
from accounts.services.client import PersonClient
from accounts.services.documents import locks
from accounts.services.users import User
from tests.support.cast import PASSWORD
from tests.support.names import HOSTILE_NAMES
from tests.support.nodes import TestNode


@pytest.fixture
def ada(person: Callable[[str], PersonClient]) -> PersonClient:
    return person("ada")


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_every_legal_name_has_a_full_life_cycle(node: TestNode, ada: PersonClient, name: str) -> None:
    users.create(ada, User(name, "Jane", "jane@example.org", ("viewer",)), PASSWORD)
    seen = users.get(ada, name)
    assert seen == User(name, "Jane", "jane@example.org", ("viewer",))

    users.update(ada, seen, User(name, "Janet", "", ("editor",)))
    users.disable(ada, name)
    assert users.get(ada, name) == User(name, "Janet", "", ("editor",), enabled=False)

    users.enable(ada, name)
    users.delete(ada, name)
    assert node.user(name) is None


def test_edit_keeps_status_and_metadata(node: TestNode, ada: PersonClient) -> None:
    node.put_user("jdoe", roles=["viewer"], enabled=False, metadata={"badge": 7, "desk": {"floor": 2}})

    users.update(ada, users.get(ada, "jdoe"), User("jdoe", "Jane", "", ("editor",)))

    user = node.user("jdoe")
    assert user == {
        "username": "jdoe",
        "full_name": "Jane",
        "email": None,
        "roles": ["editor"],
        "enabled": False,
        "metadata": {"badge": 7, "desk": {"floor": 2}},
    }
    node.elastic.security.enable_user(username="jdoe")
    assert node.signs_in("jdoe", PASSWORD), "the password is still the same"


@pytest.mark.parametrize("name", ["ada", "elastic", "kibana_system"])
def test_a_name_that_exists_is_never_overwritten(node: TestNode, ada: PersonClient, name: str) -> None:
    with pytest.raises(errors.UserExists):
        users.create(ada, User(name, roles=("superuser",)), "another-password")
    assert not node.signs_in(name, "another-password")


@pytest.mark.parametrize("name", ["", "_password", "_privileges", "_has_privileges", "x" * 508, "жанна", " a"])
def test_names_of_other_endpoints_are_not_found(node: TestNode, ada: PersonClient, name: str) -> None:
    writes = node.writes()
    for call in (users.get, users.delete):
        with pytest.raises(errors.NotFound):
            call(ada, name)
    assert node.writes() == writes


def create_at_the_barrier(barrier: Barrier, node: tuple[str, str], password: str, full_name: str, outcomes: Any) -> None:
    """Runs in a process of its own, which knows nothing of the parent's settings."""
    import django

    django.setup()
    settings.ELASTICSEARCH_HOSTS, settings.ELASTICSEARCH_API_KEY = [node[0]], node[1]
    ada = PersonClient("ada", password)
    ada.authenticate()
    barrier.wait()
    try:
        users.create(ada, User("twin", full_name), password)
        outcomes.put((full_name, "created"))
    except (errors.UserExists, errors.UserLocked):
        outcomes.put((full_name, "told"))


def test_concurrent_creations_of_one_username(node: TestNode) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier, outcomes = spawn.Barrier(2), spawn.Queue()
    processes = [
        spawn.Process(target=create_at_the_barrier, args=(barrier, (node.url, node.api_key), PASSWORD, full_name, outcomes))
        for full_name in ("First", "Second")
    ]
    for process in processes:
        process.start()
    told = dict(outcomes.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()

    assert sorted(told.values()) == ["created", "told"]
    winner = next(name for name, outcome in told.items() if outcome == "created")
    assert (node.user("twin") or {})["full_name"] == winner


def test_edit_conflict_overwrites_nothing(node: TestNode, ada: PersonClient) -> None:
    node.put_user("jdoe", full_name="Jane", roles=["viewer", "editor"])
    seen = users.get(ada, "jdoe")
    node.elastic.security.put_user(username="jdoe", full_name="Janet", roles=["editor"], enabled=False, metadata={})

    with pytest.raises(errors.EditConflict) as conflict:
        users.update(ada, seen, User("jdoe", "Jane Doe", "", ("viewer", "editor")))

    assert [(field.label, field.was, field.now) for field in conflict.value.fields] == [
        ("Full name", "Jane", "Janet"),
        ("Roles", "editor, viewer", "editor"),
        ("Status", "Active", "Deactivated"),
    ]
    assert (node.user("jdoe") or {})["full_name"] == "Janet"


def test_roles_in_another_order_are_no_conflict(node: TestNode, ada: PersonClient) -> None:
    node.put_user("jdoe", roles=["viewer", "editor"])

    users.update(ada, User("jdoe", roles=("editor", "viewer")), User("jdoe", "Jane", "", ("viewer", "editor")))

    assert (node.user("jdoe") or {})["full_name"] == "Jane"


@pytest.mark.parametrize("change", [users.enable, users.disable, users.delete])
def test_missing_user_is_not_found(node: TestNode, ada: PersonClient, change: Callable[[PersonClient, str], None]) -> None:
    with pytest.raises(errors.NotFound):
        change(ada, "nobody")


def test_cluster_denies_auditor(node: TestNode, person: Callable[[str], PersonClient]) -> None:
    otto = person("otto")
    node.put_user("jdoe", roles=["viewer"])
    jdoe = users.get(otto, "jdoe")
    writes = node.writes()

    attempts: list[Callable[[], object]] = [
        lambda: users.create(otto, User("new"), PASSWORD),
        lambda: users.update(otto, jdoe, User("jdoe", "Jane")),
        lambda: users.disable(otto, "jdoe"),
        lambda: users.enable(otto, "jdoe"),
        lambda: users.delete(otto, "jdoe"),
    ]
    for change in attempts:
        with pytest.raises(errors.AccessDenied):
            change()
    assert node.writes() == writes


@pytest.mark.parametrize("change", [users.enable, users.disable, users.delete])
def test_an_edit_undoes_no_other_change(
    node: TestNode, ada: PersonClient, monkeypatch: pytest.MonkeyPatch, change: Callable[[PersonClient, str], None]
) -> None:
    """Between what the edit reads and what it writes, which includes the status that it has read."""
    node.put_user("jdoe", roles=["viewer"], enabled=change is not users.enable)
    seen, put = users.get(ada, "jdoe"), ada.put_user
    monkeypatch.setattr(users.users, "LOCK_PATIENCE", 0)
    others: list[str] = []

    def put_user(**fields: Any) -> Any:
        try:
            change(ada, "jdoe")
        except errors.UserLocked:
            others.append("locked")
        return put(**fields)

    monkeypatch.setattr(ada, "put_user", put_user, raising=False)
    users.update(ada, seen, replace(seen, full_name="Jane"))
    assert others == ["locked"]
    change(ada, "jdoe")
    user = node.user("jdoe")
    assert user is None if change is users.delete else user and user["enabled"] == (change is users.enable)


def test_an_edit_that_may_still_arrive_keeps_its_lock(node: TestNode, ada: PersonClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, the edit would undo a deactivation that was confirmed to an administrator before it arrived."""
    node.put_user("jdoe", roles=["viewer"])
    seen, put, on_their_way = users.get(ada, "jdoe"), ada.put_user, list[Callable[[], Any]]()
    monkeypatch.setattr(users.users, "LOCK_PATIENCE", 0)

    def put_user(**fields: Any) -> Any:
        on_their_way.append(partial(put, **fields))
        raise errors.OutcomeUnknown("lost")

    monkeypatch.setattr(ada, "put_user", put_user, raising=False)
    with pytest.raises(errors.OutcomeUnknown):
        users.update(ada, seen, replace(seen, full_name="Jane"))
    with pytest.raises(errors.UserLocked):
        users.disable(ada, "jdoe")
    on_their_way[0]()
    locks.release(users.lock_name("jdoe"))  # after 2 minutes, it expires
    users.disable(ada, "jdoe")
    assert (node.user("jdoe") or {})["enabled"] is False


def test_a_deactivation_waits_for_an_edit(node: TestNode, ada: PersonClient, monkeypatch: pytest.MonkeyPatch) -> None:
    node.put_user("jdoe", roles=["viewer"])
    seen, put = users.get(ada, "jdoe"), ada.put_user
    other = threading.Thread(target=copy_context().run, args=(users.disable, ada, "jdoe"))
    waits = threading.Event()

    def waiting(seconds: float) -> None:
        waits.set()
        sleep(seconds)

    def put_user(**fields: Any) -> Any:
        monkeypatch.setattr(locks, "sleep", waiting)
        other.start()
        assert waits.wait(30)
        return put(**fields)

    monkeypatch.setattr(ada, "put_user", put_user, raising=False)
    users.update(ada, seen, replace(seen, full_name="Jane"))
    other.join()
    user = node.user("jdoe")
    assert user
    assert (user["full_name"], user["enabled"]) == ("Jane", False)
