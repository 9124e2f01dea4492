"""The pages of the living sessions, the limit per person, and who is let in no more."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.services import sessions
from accounts.services.documents import indices
from accounts.services.sessions import Session, active
from accounts.services.sessions import keys as session_keys
from accounts.urls import urlpatterns
from tests.support.cast import PASSWORD
from tests.support.forms import posted
from tests.support.nodes import TestNode, one_version
from tests.support.sessions import another_session, store_of

pytestmark = one_version

SignIn = Callable[..., Client]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ONLY_FOR_THE_SIGNED_IN = [pattern for pattern in urlpatterns if getattr(pattern.callback, "login_required", True)]


@pytest.fixture(autouse=True)
def nobody_is_signed_in(node: TestNode) -> None:
    node.elastic.indices.refresh(index=indices.SESSIONS, ignore_unavailable=True)
    found = node.elastic.search(index=indices.SESSIONS, ignore_unavailable=True, size=10_000)["hits"]["hits"]
    for hit in found:
        node.elastic.delete(index=indices.SESSIONS, id=hit["_id"])


def is_signed_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def shown(client: Client, url: str = "/sessions/") -> list[Session]:
    response = client.get(url)
    assert response.status_code == 200
    return list(response.context["sessions"])


def of(username: str) -> list[Session]:
    return sessions.sessions_of_user(username, "default_native")


def address(username: str, at: int = 0) -> str:
    return f"/sessions/end/{of(username)[at].id}"


def test_administrators_see_all_sessions(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe")
    login = {"username": "jdoe", "password": PASSWORD}
    Client(headers={"user-agent": FIREFOX}).post("/login", login, REMOTE_ADDR="192.0.2.7")
    ada = signed_in("ada")

    found = {session.username: session for session in shown(ada)}

    assert found.keys() == {"ada", "jdoe"}
    jdoe = found["jdoe"]
    assert (jdoe.address, jdoe.browser, jdoe.realm) == ("192.0.2.7", "Firefox 140 on Linux", "default_native")
    assert shown(ada, "/sessions/?q=JDO") == [jdoe]
    assert "No sessions found" in ada.get("/sessions/?q=nobody").content.decode()
    page = ada.get("/sessions/").content.decode()
    assert page.count("This session") == 1
    assert str(ada.cookies[django_settings.SESSION_COOKIE_NAME].value) not in page


def test_all_sessions_are_found_however_many_documents_there_are(
    node: TestNode, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each user whose sessions were ended lately has one, too."""
    monkeypatch.setattr(active, "BATCH_SIZE", 2)
    for number in range(5):
        sessions.end_all(f"gone-{number}")
    clients = [signed_in(username) for username in ("ada", "otto", "norah", "otto")]
    sessions.end_all("norah")
    assert Counter(session.username for session in shown(clients[0])) == {"ada": 1, "otto": 2}
    assert sessions.number_of_active() == 3
    clients[0].post("/sessions/end-all")
    assert [is_signed_in(client) for client in clients] == [True, False, False, False]


@pytest.mark.parametrize("username", ["otto", "norah"])
def test_others_see_and_end_only_their_own(node: TestNode, signed_in: SignIn, username: str) -> None:
    ada, one, other = signed_in("ada"), signed_in(username), signed_in(username)
    assert one.get("/sessions/").status_code == 403
    for url in (address("ada"), "/sessions/end-all"):
        assert one.post(url).status_code == 403
    one.post(f"/account/sessions/end/{of('ada')[0].id}")
    assert is_signed_in(ada)

    assert {session.username for session in shown(one, "/account/sessions")} == {username}
    (elsewhere,) = [session for session in of(username) if f"/account/sessions/end/{session.id}" in page_of(one)]
    assert one.post(f"/account/sessions/end/{elsewhere.id}").headers["Location"] == "/account/sessions"
    assert not is_signed_in(other)
    assert is_signed_in(one)


def page_of(client: Client) -> str:
    return client.get("/account/sessions").content.decode()


def test_ending_a_session_is_recorded(node: TestNode, signed_in: SignIn) -> None:
    ada, norah = signed_in("ada"), signed_in("norah")
    (session,) = of("norah")
    confirm = ada.get(address("norah")).content.decode()
    assert "End session of &#x27;norah&#x27;?" in confirm
    assert is_signed_in(norah), "asking ends nothing"

    assert ada.post(address("norah")).headers["Location"] == "/sessions/"

    assert not is_signed_in(norah)
    assert "Ended 1 session" in ada.get("/sessions/").content.decode()
    assert "This session has already ended." in ada.get(f"/sessions/end/{session.id}", follow=True).content.decode()
    event = newest(node, "session-end", "norah")
    assert event["user"]["name"] == "ada"
    assert event["usermgmt"]["changes"] == [{"field": "sessions", "before": [f"norah {session.id}"], "after": []}]


def newest(node: TestNode, action: str, target: str) -> dict[str, Any]:
    hidden: dict[str, Any] = {"index": indices.AUDIT_PATTERN, "expand_wildcards": "all"}
    node.elastic.indices.refresh(**hidden)
    terms = [{"term": {"event.action": action}}, {"term": {"usermgmt.target.name": target}}]
    found = node.elastic.search(**hidden, query={"bool": {"filter": terms}}, sort=[{"@timestamp": "desc"}], size=1)
    return dict(found["hits"]["hits"][0]["_source"])


def test_end_all_sessions_except_the_current_one(node: TestNode, signed_in: SignIn) -> None:
    ada, elsewhere, otto, norah, again = (signed_in(name) for name in ("ada", "ada", "otto", "norah", "norah"))
    query = "?username=norah&realm=default_native"
    assert "2 sessions will end." in ada.get(f"/sessions/end-all{query}").content.decode()
    ada.post("/sessions/end-all", {"username": "norah", "realm": "default_native"})
    assert [is_signed_in(client) for client in (ada, elsewhere, otto, norah, again)] == [True, True, True, False, False]

    ada.post("/account/sessions/end-others")
    assert [is_signed_in(client) for client in (ada, elsewhere, otto)] == [True, False, True]

    ada.post("/sessions/end-all")
    assert [is_signed_in(client) for client in (ada, otto)] == [True, False]
    assert "There are no other sessions to end" in ada.get("/sessions/end-all").content.decode()


def test_late_renewal_does_not_revive_an_ended_session(node: TestNode, signed_in: SignIn) -> None:
    ada, norah = signed_in("ada"), signed_in("norah")
    late = store_of(norah)
    assert late["identity"]
    ada.post(address("norah"))
    late.renew()
    assert not is_signed_in(norah)
    assert of("norah") == []


def test_sessions_of_a_past_generation_are_not_shown(node: TestNode, signed_in: SignIn) -> None:
    signed_in("norah")
    assert of("norah")
    sessions.end_all("norah")
    assert of("norah") == []


def test_the_oldest_sessions_beyond_the_limit_end(node: TestNode, signed_in: SignIn, settings: Settings) -> None:
    settings.SESSION_LIMIT = 2
    ada = signed_in("ada")
    norahs = [signed_in("norah") for _ in range(4)]
    assert [is_signed_in(client) for client in norahs] == [False, False, True, True]
    assert is_signed_in(ada)
    assert newest(node, "session-end", "norah")["event"]["reason"] == "session_limit"


def test_the_limit_is_exact_under_ten_sign_ins_at_once(node: TestNode, signed_in: SignIn, settings: Settings) -> None:
    settings.SESSION_LIMIT = 3
    with ThreadPoolExecutor(10) as threads:
        clients = list(threads.map(lambda _: signed_in("norah"), range(10)))
    assert len(of("norah")) == 3
    assert sum(map(is_signed_in, clients)) == 3


def test_expired_documents_are_removed_at_a_sign_in(node: TestNode, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in("norah")
    past = (timezone.now() - timedelta(seconds=1)).isoformat()
    for index in (indices.SESSIONS, indices.THROTTLE):
        node.elastic.index(index=index, id="old", document={"expires": past}, refresh=True)
    monkeypatch.setattr(active, "_removed_at", float("-inf"))
    signed_in("norah")
    for index in (indices.SESSIONS, indices.THROTTLE):
        assert not node.elastic.exists(index=index, id="old")
    assert len(of("norah")) == 2


def test_deleted_user_sees_no_page(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", roles=["user_admin"])
    jdoe = signed_in("jdoe")
    urls = [reverse(str(each.name), args=["ada"] if "<" in str(each.pattern) else []) for each in ONLY_FOR_THE_SIGNED_IN]
    getting, posting = ({url: another_session(jdoe) for url in urls} for _ in range(2))
    node.elastic.security.delete_user(username="jdoe")
    for url in urls:
        refused = getting[url].get(url)
        assert refused.headers.get("Location", "").startswith("/login?"), f"GET {url} showed a page: {refused.status_code}"
        refused = posting[url].post(url)
        assert refused.status_code in (401, 302), f"POST {url}: {refused.status_code}"
        assert refused.status_code == 401 or refused.headers["Location"].startswith("/login?"), url
    assert of("jdoe") == [] or {session.id for session in of("jdoe")} == {store_of(jdoe).document_id}


def test_deactivated_user_cant_end_sessions(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", roles=["user_admin"])
    norah, jdoe = signed_in("norah"), signed_in("jdoe")
    node.elastic.security.disable_user(username="jdoe")
    assert jdoe.post("/sessions/end-all").status_code == 401
    assert is_signed_in(norah)


def seen(username: str) -> Any:
    (session,) = of(username)
    return session.last_activity


def test_background_requests_do_not_renew(node: TestNode, signed_in: SignIn, settings: Settings) -> None:
    settings.PRIVILEGES_FRESH_FOR = timedelta(0)
    norah = signed_in("norah")
    before = seen("norah")
    norah.get("/account/", headers={"X-Background": "1"})
    left = norah.get("/account/extend-session").json()
    assert seen("norah") == before
    assert 0 < left["seconds"] <= 30 * 60
    assert left["can_be_extended"]

    norah.get("/account/")
    assert seen("norah") > before


def test_extend_session_within_its_lifespan(node: TestNode, signed_in: SignIn, settings: Settings) -> None:
    norah = signed_in("norah")
    before = seen("norah")
    assert norah.post("/account/extend-session").json()["seconds"] >= 30 * 60 - 5
    assert seen("norah") > before
    settings.SESSION_LIFESPAN = timedelta(minutes=10)
    answer = norah.post("/account/extend-session").json()
    assert answer["seconds"] <= 10 * 60
    assert not answer["can_be_extended"]


def test_unchanged_password_also_ends_sessions(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe")
    jdoe = signed_in("jdoe")
    same = {"password": "Vq7-same-again", "confirm_password": "Vq7-same-again"}
    node.elastic.security.change_password(username="jdoe", password=same["password"])
    jdoe = signed_in("jdoe", same["password"])
    signed_in("ada").post("/users/change-password/jdoe", same)
    assert node.signs_in("jdoe", same["password"])
    assert not is_signed_in(jdoe)


def test_late_answer_keeps_the_newer_session(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", password=PASSWORD)
    jdoe = signed_in("jdoe")
    late = Client()
    late.cookies.load({"usermgmt_session": jdoe.cookies["usermgmt_session"].value})
    new = "another long password"
    jdoe.post("/account/change-password", {"current_password": PASSWORD, "password": new, "confirm_password": new})
    assert jdoe.get("/account/").status_code == 200
    answers = [late.post("/passwords/strength", {"password": new}), late.get("/account/"), late.get("/users/")]
    assert [answer.status_code for answer in answers] == [401, 302, 302]
    assert not any("usermgmt_session" in answer.cookies for answer in answers)


def test_rejected_credentials_lead_to_sign_in(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", password=PASSWORD)
    jdoe = signed_in("jdoe")
    node.put_user("jdoe", password="another long password")
    answer = jdoe.get("/account/")
    assert "reason=refused" in answer["Location"]
    assert "usermgmt_session" not in answer.cookies


def test_signing_out_takes_the_cookie_away(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", password=PASSWORD)
    jdoe = signed_in("jdoe")
    answer = jdoe.post("/logout")
    assert answer.cookies["usermgmt_session"]["max-age"] == 0


def test_sessions_survive_a_new_secret_key(node: TestNode, signed_in: SignIn, settings: Settings) -> None:
    norah = signed_in("norah")
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another secret that is long enough to be taken"
    settings.SECRET_KEY_FALLBACKS = [old]
    assert is_signed_in(norah)
    assert norah.post("/account/extend-session").status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert is_signed_in(norah)
    settings.SECRET_KEY = "a third secret that nobody was told about"
    assert not is_signed_in(norah)


def test_index_and_secret_key_reveal_no_password(node: TestNode) -> None:
    """All that a thief of both has: each document, its id, and the secret. The key of a payload needs the cookie too."""
    node.put_user("jdoe", password="canary-of-jdoe")
    client = Client()
    assert client.post("/login", {"username": "jdoe", "password": "canary-of-jdoe"}).status_code == 302
    cookie = str(client.cookies[django_settings.SESSION_COOKIE_NAME].value)
    node.elastic.indices.refresh(index=indices.SESSIONS)
    copy = [dict(hit) for hit in node.elastic.search(index=indices.SESSIONS, size=1000)["hits"]["hits"]]
    (document,) = [hit for hit in copy if hit["_source"].get("username") == "jdoe"]

    assert "canary" not in json.dumps(copy)
    assert cookie not in json.dumps(copy)
    words = ["", django_settings.SECRET_KEY, document["_id"], *map(str, document["_source"].values())]
    for key in [*words, cookie.partition(".")[2], f".{cookie.partition('.')[2]}", cookie.partition(".")[0]]:
        assert session_keys.decrypt(key, document["_source"]["payload"]) is None
    opened = session_keys.decrypt(cookie, document["_source"]["payload"])
    assert opened, "with the cookie it opens: the test looks at the right document"
    assert "canary-of-jdoe" in json.dumps(opened)


def test_events_have_only_session_ids(node: TestNode, signed_in: SignIn) -> None:
    ada, norah = signed_in("ada"), signed_in("norah")
    ada.post(address("norah"))
    everything = json.dumps(newest(node, "session-end", "norah"))
    for client in (ada, norah):
        assert str(client.cookies[django_settings.SESSION_COOKIE_NAME].value) not in everything


@pytest.mark.parametrize("action", ["edit", "change-password", "deactivate", "delete"])
def test_change_takes_at_most_six_calls(node: TestNode, signed_in: SignIn, calls: list[str], action: str) -> None:
    node.put_user("jdoe", roles=["viewer"])
    ada = signed_in("ada")
    form = posted(ada, "/users/edit/jdoe") if action == "edit" else {}
    password = {"password": "Vq7-a-new-one", "confirm_password": "Vq7-a-new-one"} if action == "change-password" else {}
    calls.clear()
    assert ada.post(f"/users/{action}/jdoe", {**form, **password}).status_code == 302
    assert len(calls) <= 6, calls
    assert calls[0] == "POST /usermgmt-sessions/_mget"
