"""Sessions as the index has them."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from pytest_django import Settings

from accounts.services import errors, sessions
from accounts.services.documents import indices
from accounts.services.sessions import SessionStore
from accounts.services.sessions import keys as session_keys
from tests.support.cast import IDENTITY
from tests.support.nodes import TestNode


def again(store: SessionStore) -> SessionStore:
    """The same session in the next request, perhaps in another process."""
    return SessionStore(store.session_key)


def has_ended(session: SessionStore) -> bool:
    return not list(session.keys())


def documents(node: TestNode) -> list[dict[str, Any]]:
    node.elastic.indices.refresh(index=indices.SESSIONS)
    found = node.elastic.search(index=indices.SESSIONS, query={"exists": {"field": "created"}}, size=1000)["hits"]["hits"]
    return [dict(hit) for hit in found]


def test_a_session_is_read_again_by_its_key(store: SessionStore) -> None:
    assert again(store)["credentials"] == ["jdoe", "canary-password"]


def test_the_index_holds_neither_key_nor_password(node: TestNode, store: SessionStore) -> None:
    everything = json.dumps(documents(node))
    assert str(store.session_key) not in everything
    assert "canary" not in everything


def test_the_servers_secret_alone_opens_nothing(node: TestNode, store: SessionStore) -> None:
    box = documents(node)[-1]["_source"]["payload"]
    for guess in (str(documents(node)[-1]["_id"]), "", "jdoe"):
        assert session_keys.decrypt(guess, box) is None


def test_secret_key_and_fallbacks(store: SessionStore, settings: Settings) -> None:
    old, settings.SECRET_KEY = settings.SECRET_KEY, "y" * 40
    assert has_ended(again(store))

    settings.SECRET_KEY_FALLBACKS = [old]
    assert again(store)["credentials"]


def test_it_ends_after_the_idle_time(store: SessionStore, settings: Settings) -> None:
    settings.SESSION_IDLE = timedelta(0)
    assert has_ended(again(store))


def test_it_ends_after_its_lifespan_however_busy(store: SessionStore, settings: Settings) -> None:
    settings.SESSION_LIFESPAN = timedelta(0)
    assert has_ended(again(store))


def test_activity_extends_idle_time_but_not_lifespan(node: TestNode, store: SessionStore, settings: Settings) -> None:
    before = documents(node)[-1]["_source"]
    later = again(store)
    assert later["identity"]
    later.renew()

    after = next(hit["_source"] for hit in documents(node) if hit["_source"]["created"] == before["created"])
    assert after["last_activity"] > before["last_activity"]
    assert after["expires"] > before["expires"]
    settings.SESSION_LIFESPAN = timedelta(0)
    assert has_ended(again(store))


def test_two_requests_at_once_may_both_renew(store: SessionStore) -> None:
    one, other = again(store), again(store)
    one["identity"] = other["identity"]
    other["identity"] = one["identity"]
    one.renew()
    other.renew()
    assert again(store)["identity"]
    assert not other.modified  # so nobody saves it once more


def test_running_request_does_not_revive_a_session(store: SessionStore) -> None:
    late = again(store)
    late["more"] = 1
    store.flush()
    with pytest.raises(UpdateError):
        late.save()
    assert has_ended(SessionStore(late.session_key))


def test_cycled_key_moves_data_and_ends_the_old_key(store: SessionStore) -> None:
    old = str(store.session_key)
    store.cycle_key()
    store.save()
    assert has_ended(SessionStore(old))
    assert again(store)["identity"] == IDENTITY


def test_all_sessions_of_a_user_end_with_one_call(node: TestNode, store: SessionStore, calls: list[str]) -> None:
    del calls[:]
    sessions.end_all("jdoe")
    assert len(calls) == 1
    assert has_ended(again(store))


def test_late_renewal_does_not_revive_an_ended_session(store: SessionStore) -> None:
    late = again(store)
    assert late["identity"]
    sessions.end_all("jdoe")
    late.renew()
    assert has_ended(again(store))


def test_a_sign_in_that_began_before_the_end_ends_too(node: TestNode) -> None:
    late = SessionStore()
    late["identity"], late["generation"] = IDENTITY, sessions.generation("jdoe")
    sessions.end_all("jdoe")
    late.save()
    assert has_ended(again(late))


def test_later_sign_in_survives(node: TestNode) -> None:
    sessions.end_all("jdoe")
    later = SessionStore()
    later["identity"], later["generation"] = IDENTITY, sessions.generation("jdoe")
    later.save()
    assert not has_ended(again(later))


def test_all_sessions_of_a_user_end(node: TestNode, store: SessionStore) -> None:
    other = SessionStore()
    other["identity"] = {"username": "jdoe", "realm_type": "file"}
    other.save()

    sessions.end_all("jdoe")

    assert has_ended(again(store))
    assert not has_ended(again(other)), "the same name in another realm is another person"


def test_an_unknown_key_is_an_empty_session(node: TestNode) -> None:
    assert has_ended(SessionStore("x" * 32))


def test_a_cluster_that_is_away_ends_nothing(store: SessionStore, settings: Settings) -> None:
    hosts, settings.ELASTICSEARCH_HOSTS = settings.ELASTICSEARCH_HOSTS, ["http://127.0.0.1:1"]
    with pytest.raises(errors.Unavailable):
        again(store).load()

    settings.ELASTICSEARCH_HOSTS = hosts
    assert again(store)["identity"] == IDENTITY
