"""Signing in with an API key, over HTTP: who that is, what is recorded, and when it ends."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.services import audit, errors, reviews, sessions, users
from accounts.services.client import ApiKeyClient, PersonClient
from accounts.services.documents import indices
from accounts.services.request_context import SignInKey
from accounts.services.signin import operators
from accounts.services.users import UserQuery
from accounts.views.login import INCORRECT_API_KEY, NOTICES
from tests.support.api_keys import new_key
from tests.support.cast import CAST, PASSWORD
from tests.support.nodes import TestNode
from tests.support.pages import text
from tests.support.reviews import decide, start_review
from tests.support.sessions import store_of
from tests.support.traces import trail

URL: Final = "/login/api-key"
MANAGES: Final = {"manage": {"cluster": ["manage_security"]}}
VIEWS: Final = {"view": {"cluster": ["read_security"]}}
WATCHES: Final = {"watch": {"cluster": ["monitor"]}}
RESTRICTED: Final = {"r": {"cluster": ["all"], "restriction": {"workflows": ["search_application_query"]}}}
SignIn = Callable[..., Client]


@pytest.fixture(autouse=True)
def on(settings: Settings) -> None:
    settings.API_KEY_SIGN_IN = True


def signed_in_with(encoded: str) -> Client:
    client = Client()
    response = client.post(URL, {"api_key": encoded})
    assert response.status_code == 302, response.content.decode()
    return client


def secret_of(encoded: str) -> str:
    return base64.b64decode(encoded).decode().partition(":")[2]


def test_turning_it_off(node: TestNode, settings: Settings) -> None:
    _, key = new_key(node, "ada")
    ada = signed_in_with(key)
    assert "loginWithApiKeyLink" in text(Client(), "/login")

    settings.API_KEY_SIGN_IN = False

    assert Client().get(URL).status_code == 404
    assert Client().post(URL, {"api_key": key}).status_code == 404
    page = text(Client(), "/login")
    assert "loginWithApiKeyLink" not in page
    assert "They need a native user." in page
    assert ada.get("/users/").headers["Location"].startswith("/login"), "it ends sessions"


def test_the_owner_works_with_the_privileges_of_the_key(node: TestNode) -> None:
    id, key = new_key(node, "ada", role_descriptors=MANAGES)
    client = signed_in_with(key)
    assert client.get("/").headers["Location"] == "/users/"
    assert client.get("/users/?q=norah").status_code == 200
    form = {"username": "jdoe", "password": "Vq7-another-one", "confirm_password": "Vq7-another-one", "roles": ["viewer"]}
    assert client.post("/users/create", form).status_code == 302
    client.post("/logout")

    assert node.user("jdoe")
    own = [event for event in trail(node, actor="ada") if event.action in ("sign-in", "user-create", "sign-out")]
    assert [event.action for event in own] == ["sign-in", "user-create", "sign-out"]
    for event in own:
        assert (event.actor.realm, event.actor.realm_type) == ("default_native", "native")
        assert event.details["api_key"] == f"nightly ({id})"
    outcome = audit.get(own[1].id)
    assert (outcome.outcome, outcome.details["api_key"]) == ("success", f"nightly ({id})")


def test_pages_name_the_key(node: TestNode, signed_in: SignIn) -> None:
    id, key = new_key(node, "ada", name="<nightly>")
    with_password, client = signed_in("ada"), signed_in_with(key)
    for _ in range(2):  # the second one is cached
        assert "API key <nightly>" not in text(with_password, "/users/")
        page = text(client, "/users/")
        assert f'title="{id}" data-test-subj="userMenuApiKey">API key <nightly>' in page
    for url in ("/sessions/", "/account/sessions"):
        assert text(with_password, url).count("API key <nightly>") == 1
    account = text(client, "/account/")
    assert f'API key <nightly> <span class="subdued">(ID {id})</span>' in account
    assert "an API key has privileges of its own" in account
    assert "which can't change a password of its owner. To change your password, sign in with it." in account
    pages = "".join(text(client, url) for url in ("/users/", "/sessions/", "/account/", "/account/api-keys", "/audit/"))
    assert key not in pages
    assert secret_of(key) not in pages


@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(lambda key: key, id="encoded"),
        pytest.param(lambda key: f"  {key}\t", id="blanks"),
        pytest.param(lambda key: key.rstrip("="), id="no padding"),
        pytest.param(lambda key: base64.b64decode(key).decode(), id="ID and key"),
    ],
)
def test_ways_to_write_a_key(node: TestNode, spell: Callable[[str], str]) -> None:
    _, key = new_key(node, "ada")
    signed_in_with(spell(key))


def revoked(node: TestNode) -> str:
    id, key = new_key(node, "ada")
    node.elastic.security.invalidate_api_key(ids=[id])
    return key


def forged(node: TestNode) -> str:
    id, _ = new_key(node, "ada")
    return base64.b64encode(f"{id}:{'x' * 22}".encode()).decode()


@pytest.mark.parametrize(
    ("make", "has_id"),
    [
        pytest.param(revoked, True, id="revoked"),
        pytest.param(forged, True, id="wrong secret"),
        pytest.param(lambda node: new_key(node, "ada", expiration="1ms")[1], True, id="expired"),
        pytest.param(lambda node: new_key(node, "ada", role_descriptors=RESTRICTED)[1], True, id="restricted to a workflow"),
        pytest.param(lambda node: f"{'x' * 20}:{'y' * 22}", True, id="unknown"),
        pytest.param(lambda node: f"ada:{PASSWORD}", False, id="username and password"),
        pytest.param(lambda node: base64.b64encode(f"ada:{PASSWORD}".encode()).decode(), False, id="Basic"),
        pytest.param(lambda node: PASSWORD, False, id="password"),
        pytest.param(lambda node: "é\r\nx-canary: yes", False, id="no header"),
        pytest.param(
            lambda node: str(
                node.elastic.security.create_service_token(namespace="elastic", service="fleet-server")["token"]["value"]
            ),
            False,
            id="service token",
        ),
    ],
)
def test_failures_look_the_same_and_are_recorded_without_a_secret(
    node: TestNode, make: Callable[[TestNode], str], has_id: bool
) -> None:
    entered = make(node)
    response = Client().post(URL, {"api_key": entered})
    page = response.content.decode()
    assert (response.status_code, INCORRECT_API_KEY in page) == (200, True)
    (event,) = trail(node, action="sign-in")
    assert (event.actor.username, event.target, event.outcome, event.reason) == ("", "", "failure", "incorrect_api_key")
    assert event.details.keys() == ({"key_id"} if has_id else {"typed"})
    secret = secret_of(entered) if has_id and ":" not in entered else entered.rpartition(":")[2]
    assert secret not in page
    assert secret not in repr(event)
    assert not sessions.active_sessions()


def test_failures_dont_delay_passwords(node: TestNode, signed_in: SignIn, settings: Settings) -> None:
    settings.THROTTLE_FAILURES_IN_ALL = settings.THROTTLE_FAILURES = 1
    for _ in range(3):
        assert INCORRECT_API_KEY in Client().post(URL, {"api_key": "nonsense"}).content.decode()
    signed_in("ada")
    signed_in_with(new_key(node, "ada")[1])


def test_outage_is_no_incorrect_key(node: TestNode, settings: Settings) -> None:
    _, key = new_key(node, "ada")
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    response = Client().post(URL, {"api_key": key})
    assert response.status_code == 503
    assert "can't verify API keys" in response.content.decode().replace("&#x27;", "'")
    settings.ELASTICSEARCH_HOSTS = [node.url]
    assert not trail(node, action="sign-in")


def test_browser_isnt_remembered(node: TestNode, settings: Settings) -> None:
    assert settings.DEVICE_COOKIE_NAME not in signed_in_with(new_key(node, "ada")[1]).cookies


def invalidate(node: TestNode, id: str) -> None:
    node.elastic.security.invalidate_api_key(ids=[id])


def expire(node: TestNode, id: str) -> None:
    node.elastic.options(basic_auth=("ada", PASSWORD)).security.update_api_key(id=id, expiration="1ms")


@pytest.mark.parametrize("end", [invalidate, expire])
def test_the_session_ends_with_the_key(node: TestNode, end: Callable[[TestNode, str], None]) -> None:
    id, key = new_key(node, "ada")
    opens, sends = signed_in_with(key), signed_in_with(key)

    end(node, id)

    response = opens.get("/users/")
    assert response.headers["Location"] == "/login?next=%2Fusers%2F&reason=refused-api-key"
    assert NOTICES["refused-api-key"] in text(opens, response.headers["Location"])
    page = sends.post("/users/delete/norah")
    assert page.status_code == 401
    assert NOTICES["refused-api-key"] in page.content.decode()
    assert node.user("norah")
    assert not sessions.active_sessions()


def test_a_kept_form_goes_from_one_sign_in_page_to_the_other(node: TestNode) -> None:
    id, key = new_key(node, "ada")
    client = signed_in_with(key)
    invalidate(node, id)
    context = client.post("/users/create", {"username": "jdoe", "full_name": "Jane"}).context
    kept = {"next": context["next"], "pending_form": context["pending_form"]}

    page = client.post(URL, kept)
    assert page.status_code == 200
    assert not page.context["form"].errors, "nothing was entered yet"
    assert {name: page.context[name] for name in kept} == kept
    back = client.post("/login", kept)
    assert not back.context["form"].errors
    assert {name: back.context[name] for name in kept} == kept

    again = client.post(URL, {**kept, "api_key": new_key(node, "ada")[1]})
    assert again.context["action"] == "/users/create"
    assert ("full_name", "Jane") in again.context["typed"]


def test_an_expired_form_is_shown_again(node: TestNode) -> None:
    client = Client(enforce_csrf_checks=True, headers={"origin": "http://testserver"})
    response = client.post(URL, {"api_key": "canary-of-a-key"})
    assert response.status_code == 403
    assert 'data-test-subj="loginApiKeyForm"' in response.content.decode()
    assert "canary" not in response.content.decode()


def test_what_the_key_cannot_do(node: TestNode) -> None:
    watcher, reader = (signed_in_with(new_key(node, "ada", role_descriptors=body)[1]) for body in (WATCHES, VIEWS))
    assert watcher.get("/").headers["Location"] == "/account/"
    assert watcher.get("/users/").status_code == 403
    assert "because your API key lacks the cluster privilege manage_own_api_key" in text(watcher, "/account/api-keys")
    assert "createUserButton" not in text(reader, "/users/")
    assert reader.post("/users/delete/norah").status_code == 403
    assert reader.get("/sessions/").status_code == 403


def test_the_cluster_decides_about_a_key_that_was_limited_afterwards(node: TestNode) -> None:
    id, key = new_key(node, "ada")
    client = signed_in_with(key)
    node.elastic.options(basic_auth=("ada", PASSWORD)).security.update_api_key(id=id, role_descriptors=VIEWS)
    response = client.post("/users/delete/norah")
    assert response.status_code == 403
    assert "Your API key lacks the required privilege." in response.content.decode()
    assert node.user("norah")


def test_own_account_with_a_key(node: TestNode) -> None:
    client = signed_in_with(new_key(node, "ada")[1])
    for action in ("delete", "deactivate"):
        refused = client.post(f"/users/{action}/ada")
        assert refused.status_code == 403
        assert f"You can&#x27;t {action} your own account." in refused.content.decode()
    seen = '{"full_name": "", "email": "", "roles": ["user_admin"], "enabled": true}'
    edited = client.post("/users/edit/ada", {"full_name": "", "email": "", "roles": ["viewer"], "seen": seen})
    assert edited.status_code == 422
    assert client.post("/users/change-password/ada", {"password": "x"}).headers["Location"] == "/account/change-password"
    form = {"current_password": PASSWORD, "password": "Vq7-another-one", "confirm_password": "Vq7-another-one"}
    refused = client.post("/account/change-password", form)
    assert refused.status_code == 403
    assert "To change your password, sign in with it." in refused.content.decode()
    assert node.signs_in("ada", PASSWORD)
    assert "account/change-password" not in text(client, "/search?q=change+my+password")


def test_a_key_made_by_a_key_is_not_the_user(node: TestNode) -> None:
    parent = ApiKeyClient(new_key(node, "ada")[1])
    derived = parent.create_api_key(name="derived", role_descriptors={"none": {}}, refresh=True)["encoded"]
    client = signed_in_with(derived)
    assert client.get("/users/").status_code == 403
    operator = operators.from_session(store_of(client))
    assert operator
    assert (operator.username, operator.realm, operator.is_account("ada")) == ("ada", "_es_api_key", False)
    assert len(client.get("/account/sessions").context["sessions"]) == 1
    refused = text(client, "/account/change-password", 403)
    assert "which can't change a password of its owner." in refused
    assert "sign in with it" not in refused, "it has no password"


def test_keys_create_no_keys(node: TestNode) -> None:
    client = signed_in_with(new_key(node, "ada")[1])
    for path in ("/account/api-keys", "/account/user-api"):
        assert "createApiKeyButton" not in text(client, path)
    page = client.post("/account/create-api-key", {"name": "x", "privilege": "read_security", "days": "7"})
    assert page.status_code == 403
    assert "API keys create only API keys without privileges" in page.content.decode()


def test_revoking_the_key_that_is_used(node: TestNode) -> None:
    (id, key), (other, _) = new_key(node, "ada", name="used"), new_key(node, "ada", name="other")
    client = signed_in_with(key)
    listed = text(client, "/account/api-keys")
    assert "used" in listed
    assert "other" in listed, "the key can view all keys of its owner"
    assert "usedApiKeyWarning" not in text(client, f"/account/revoke-api-keys?id={other}")
    assert client.post("/account/revoke-api-keys", {"id": [other]}).status_code == 302
    assert "usedApiKeyWarning" in text(client, f"/account/revoke-api-keys?id={id}")

    response = client.post("/account/revoke-api-keys", {"id": [id]})

    assert client.get(response.headers["Location"]).headers["Location"].endswith("reason=refused-api-key")
    assert [event.details["api_key"] for event in trail(node, action="api-key-invalidate")] == [f"used ({id})"] * 2


def test_sessions_of_a_user_are_theirs_however_they_signed_in(node: TestNode, signed_in: SignIn, settings: Settings) -> None:
    node.put_user("jdoe", roles=["user_admin"])
    _, key = new_key(node, "jdoe")
    with_key, with_password = signed_in_with(key), signed_in("jdoe")
    assert len(with_password.get("/account/sessions").context["sessions"]) == 2

    signed_in("ada").post("/users/change-password/jdoe", {"password": "Vq7-another-one", "confirm_password": "Vq7-another-one"})
    assert [client.get("/account/").status_code for client in (with_key, with_password)] == [302, 302]


def test_sessions_of_an_api_key(node: TestNode, signed_in: SignIn, settings: Settings) -> None:
    """They neither show nor end those of its owner or of another key."""
    (_, key), (_, other) = new_key(node, "ada"), new_key(node, "ada")
    with_password, with_other = signed_in("ada"), signed_in_with(other)
    first, second = signed_in_with(key), signed_in_with(key)

    page = second.get("/account/sessions")
    assert "signed in with this API key" in page.content.decode()
    assert {session.id for session in page.context["sessions"]} == {store_of(first).document_id, store_of(second).document_id}
    second.post(f"/account/sessions/end/{store_of(with_password).document_id}")
    second.post("/account/sessions/end-others")
    assert [client.get("/account/").status_code for client in (with_password, with_other, first, second)] == [200, 200, 302, 200]

    settings.SESSION_LIMIT = 1
    third = signed_in_with(key)
    assert [client.get("/account/").status_code for client in (with_password, with_other, second, third)] == [200, 200, 302, 200]
    signed_in("ada")
    assert [client.get("/account/").status_code for client in (with_password, with_other, third)] == [302, 200, 200]


def test_an_expired_session_names_the_key(node: TestNode) -> None:
    id, key = new_key(node, "ada")
    client = signed_in_with(key)
    past = (timezone.now() - timedelta(seconds=1)).isoformat()
    node.elastic.update(index=indices.SESSIONS, id=store_of(client).document_id, doc={"expires": past})
    assert client.get("/users/").status_code == 302
    (event,) = trail(node, action="session-expire")
    assert event.details == {"api_key": f"nightly ({id})"}


def test_sign_off_with_the_key(node: TestNode) -> None:
    node.put_user("olga", roles=[*CAST["otto"], "own_keys"])
    node.elastic.security.put_role(name="own_keys", cluster=["manage_own_api_key"])
    (id, key), (_, other) = new_key(node, "olga"), new_key(node, "olga")
    client, olga = signed_in_with(key), PersonClient("olga", PASSWORD)
    olga.actor = operators.from_session(store_of(client)).client.actor  # type: ignore[union-attr]
    review = start_review(olga, UserQuery(q="norah", kind="native"))
    decide(olga, review, 1, "keep")
    url = f"/reviews/sign-off/{review.id}"
    page = text(client, url)
    assert "reviewSignOffApiKey" in page
    assert "reviewSignOffPassword" not in page
    for wrong in (other, PASSWORD, f"olga:{PASSWORD}"):
        refused = client.post(url, {"api_key": wrong})
        assert refused.status_code == 422
        assert "Incorrect API key." in refused.content.decode()
        assert wrong not in refused.content.decode()
    assert client.post(url, {"password": PASSWORD}).status_code == 422

    assert client.post(url, {"api_key": key}).status_code == 302
    for _ in range(2):
        client.post(f"/reviews/job/{review.id}")

    signed = reviews.get(review.id)
    assert signed.sign_off
    assert (signed.sign_off.by, signed.sign_off.realm) == ("olga", "default_native")
    (event,) = trail(node, action="review-sign-off")
    assert event.details["api_key"] == f"nightly ({id})"


def test_a_kept_form_has_no_key(node: TestNode) -> None:
    page = Client().post("/reviews/sign-off/x", {"api_key": "canary", "comment": "kept"}).content.decode()
    assert "kept" in page
    assert "canary" not in page


def test_owner_of_a_key_doesnt_count_as_an_administrator_who_is_left(node: TestNode) -> None:
    """The key of a demoted administrator still is one; the demoted user isn't."""
    node.put_user("jdoe", roles=["user_admin"])
    _, key = new_key(node, "jdoe")
    node.put_user("jdoe", roles=["viewer"])
    node.elastic.security.change_password(username="elastic", password=node.elastic_password)
    client = operators.from_session(store_of(signed_in_with(key))).client  # type: ignore[union-attr]
    client.disable_user(username="elastic")
    try:
        with pytest.raises(errors.LastAdministrator):
            users.disable(client, "ada")
    finally:
        client.enable_user(username="elastic")


def test_session_document(node: TestNode) -> None:
    id, key = new_key(node, "ada")
    document = node.elastic.get(index=indices.SESSIONS, id=store_of(signed_in_with(key)).document_id)["_source"]
    assert document["api_key"] == {"id": id, "name": "nightly"}
    (session,) = sessions.active_sessions()
    assert session.api_key == SignInKey(id, "nightly")
    assert "api_key" not in str(document["payload"])
