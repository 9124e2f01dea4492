"""A page that begins with the session of a moment ago is shown only if the session is still that one."""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.services import audit, errors, indices, sessions
from accounts.services.sessions import SessionStore
from tests.conftest import PASSWORD, TestNode
from tests.integration.conftest import IDENTITY


@contextmanager
def by_another_process(key: str | None) -> Iterator[SessionStore]:
    """The session there; this process learns nothing of what is done with it."""
    store = SessionStore(key)
    known = sessions.remembered.get(store.document_id)
    assert known
    yield store
    sessions.remembered.set(SessionStore(key).document_id, known)


def store_of(client: Client) -> str:
    return client.cookies["usermgmt_session"].value


def presumed(store: SessionStore) -> SessionStore:
    again = SessionStore(store.session_key)
    again.presume()
    return again


def test_it_is_known_without_a_call_and_confirmed_by_one(store: SessionStore, calls: list[str]) -> None:
    del calls[:]
    again = presumed(store)
    assert again["identity"] == IDENTITY
    assert calls == []
    again.ask()
    assert again.is_as_presumed()
    assert again.is_as_presumed()
    assert calls == ["POST /usermgmt-sessions/_mget"]


def test_nothing_is_presumed_of_what_is_not_known(store: SessionStore, calls: list[str]) -> None:
    sessions.remembered.clear()
    del calls[:]
    again = presumed(store)
    assert again.is_as_presumed()
    assert calls == []
    assert again["identity"] == IDENTITY
    assert len(calls) == 1


def test_nothing_is_presumed_of_one_that_has_had_its_time(store: SessionStore, settings: Settings) -> None:
    settings.SESSION_IDLE *= 0
    assert not list(presumed(store).keys())


def test_one_that_was_ended_is_no_session(store: SessionStore) -> None:
    with by_another_process(store.session_key) as same:
        same.delete()
    again = presumed(store)
    assert again["identity"] == IDENTITY
    assert not again.is_as_presumed()
    assert not list(again.keys())
    assert again.session_key is None


def test_one_of_a_person_whose_sessions_were_ended_is_no_session(store: SessionStore) -> None:
    sessions.end_all("jdoe")
    again = presumed(store)
    assert not again.is_as_presumed()
    assert not list(again.keys())


def test_one_that_was_written_meanwhile_is_what_was_written(store: SessionStore) -> None:
    with by_another_process(store.session_key) as same:
        same["identity"] = {**IDENTITY, "full_name": "New"}
        same.save()
    again = presumed(store)
    assert "full_name" not in again["identity"]
    assert not again.is_as_presumed()
    assert again["identity"]["full_name"] == "New"
    next_time = presumed(store)
    assert next_time["identity"]["full_name"] == "New"
    assert next_time.is_as_presumed()


def test_a_cluster_that_is_away_confirms_nothing_and_ends_nothing(store: SessionStore, settings: Settings) -> None:
    hosts, settings.ELASTICSEARCH_HOSTS = settings.ELASTICSEARCH_HOSTS, ["http://127.0.0.1:1"]
    again = presumed(store)
    for _ in range(2):
        with pytest.raises(errors.Unavailable):
            again.is_as_presumed()
    settings.ELASTICSEARCH_HOSTS = hosts
    assert presumed(store).is_as_presumed()


def test_what_is_remembered_opens_without_the_cookie_to_nobody(store: SessionStore) -> None:
    remembered = pickle.dumps(sessions.remembered.get(store.document_id))
    assert b"payload" in remembered
    assert b"canary" not in remembered
    assert str(store.session_key).encode() not in remembered


def test_the_list_of_a_session_that_was_ended_elsewhere_is_not_shown(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    node.put_user("shown.nowhere")
    assert b"shown.nowhere" in ada.get("/users/").content
    with by_another_process(store_of(ada)) as same:
        same.delete()
    answer = ada.get("/users/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login")
    assert b"shown.nowhere" not in answer.content


def test_the_list_is_that_of_who_the_person_is_now(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    assert b"createUserButton" in ada.get("/users/").content
    with by_another_process(store_of(ada)) as same:
        same["identity"] = {**same["identity"], "privileges": ["read_security"], "full_name": "Only Reads"}
        same.save()
    page = ada.get("/users/").content.decode()
    assert "createUserButton" not in page
    assert "Only Reads" in page


def test_a_refusal_of_what_is_not_so_any_more_is_no_refusal(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    here = SessionStore(store_of(ada))
    privileges = here["identity"]["privileges"]
    here["identity"] = {**here["identity"], "privileges": []}
    here.save()
    with by_another_process(store_of(ada)) as same:
        same["identity"] = {**same["identity"], "privileges": privileges}
        same.save()
    assert ada.get("/users/").status_code == 200
    assert not refusals(node, "ada")
    assert signed_in("norah").get("/users/").status_code == 403
    assert len(refusals(node, "norah")) == 1


def test_credentials_that_ended_with_the_session_are_no_error(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    ada.get("/users/")
    with by_another_process(store_of(ada)) as same:
        same.delete()
    node.put_user("ada", password=PASSWORD + "2", roles=["user_admin"])
    try:
        answer = ada.get("/users/")
    finally:
        node.put_user("ada", roles=["user_admin"])
    assert answer.status_code == 302
    assert not refusals(node, "ada")


def refusals(node: TestNode, username: str) -> list[str]:
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    return [event.outcome for event in audit.of_actor(username).events if event.action == "refused"]
