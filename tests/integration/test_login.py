"""Signing in and out, over HTTP."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.urls import urlpatterns
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.traces import trail

INCORRECT = "Username or password is incorrect. Please try again."
SignIn = Callable[..., Client]


def sign_in(username: str, password: str, **data: str) -> tuple[int, str, str]:
    """Status, where it goes, and the page."""
    response = Client().post("/login", {"username": username, "password": password, **data})
    return response.status_code, response.headers.get("Location", ""), response.content.decode()


def test_home_with_read_access_is_the_user_list(node: TestNode, signed_in: SignIn) -> None:
    for username in ("ada", "otto"):
        assert signed_in(username).get("/").headers["Location"] == "/users/"


def test_home_without_privileges_is_the_account(node: TestNode, signed_in: SignIn) -> None:
    norah = signed_in("norah")
    assert norah.get("/").headers["Location"] == "/account/"
    account = norah.get("/account/")
    assert account.status_code == 200
    assert "You can't view or change other users." in account.content.decode()

    refused = norah.get("/users/")
    assert refused.status_code == 403
    assert "You need permission to manage users" in refused.content.decode()
    assert "Contact your system administrator." in refused.content.decode()
    assert "/account/" in refused.content.decode()


@pytest.mark.parametrize(
    ("username", "password"),
    [("ada", "wrong-password"), ("nobody", "wrong-password"), ("ada:x", PASSWORD)],
    ids=["wrong password", "unknown name", "colon in a name"],
)
def test_failed_sign_ins_look_the_same(node: TestNode, username: str, password: str) -> None:
    status, _, page = sign_in(username, password)
    assert status == 200
    assert INCORRECT in page
    assert password not in page


@pytest.mark.parametrize("typed", [" ada", "ada ", "\tada\t"])
def test_blanks_around_a_pasted_username_are_no_guess(node: TestNode, typed: str) -> None:
    assert sign_in(typed, PASSWORD)[0] == 302
    assert [(event.target, event.outcome) for event in trail(node, action="sign-in")] == [("ada", "success")]


def test_a_deactivated_user_cannot_sign_in(node: TestNode) -> None:
    node.put_user("jdoe", enabled=False)
    assert INCORRECT in sign_in("jdoe", PASSWORD)[2]


def test_outage_is_no_incorrect_password(node: TestNode, settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    status, _, page = sign_in("ada", PASSWORD)
    assert status == 503
    assert "Elasticsearch is unavailable" in page
    assert INCORRECT not in page
    assert 'value="ada"' in page, "what was typed is still there"


def test_missing_service_key_is_explained_at_sign_in(node: TestNode, settings: Settings) -> None:
    for key in ("", "bm90OmFrZXk="):
        settings.ELASTICSEARCH_API_KEY = key
        status, _, page = sign_in("ada", PASSWORD)
        assert status == 503
        assert "setup_cluster" in page


@pytest.mark.parametrize("wanted", ["/users/?q=x&role=a%20b", "/account/"])
def test_sign_in_redirects_to_the_requested_page(node: TestNode, wanted: str) -> None:
    assert Client().get(wanted).headers["Location"].startswith("/login?next=")
    assert sign_in("ada", PASSWORD, next=wanted)[1] == wanted


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http:///evil.example"]
)
def test_signing_in_leads_to_no_other_host(node: TestNode, wanted: str) -> None:
    assert sign_in("ada", PASSWORD, next=wanted)[1] == "/"


def test_pages_require_sign_in() -> None:
    open_pages = {"login", "login_with_api_key", "logout", "theme", "livez", "readyz", "metrics"}
    assert len(urlpatterns) > len(open_pages)
    for pattern in urlpatterns:
        if pattern.name in open_pages:
            continue
        url = reverse(str(pattern.name), args=["jdoe"] if "<" in str(pattern.pattern) else [])
        assert Client().get(url).headers.get("Location", "").startswith("/login?"), url
        posted = Client().post(url)
        assert posted.status_code == 401, url
        assert 'data-test-subj="loginForm"' in posted.content.decode()


def test_session_id_changes_at_sign_in(node: TestNode, signed_in: SignIn) -> None:
    client = signed_in("ada")
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    assert client.get("/users/").status_code == 200

    assert client.get("/logout").status_code == 405
    client.post("/logout")

    client.cookies[django_settings.SESSION_COOKIE_NAME] = cookie
    assert client.get("/users/").headers["Location"].startswith("/login")


def test_cookies_are_httponly_and_samesite(node: TestNode, signed_in: SignIn) -> None:
    cookie = signed_in("ada").cookies[django_settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert not cookie["expires"]


@pytest.mark.parametrize("password", ["пароль-жанны", "🔑🔑🔑🔑🔑🔑", "  spaces  ", "ж" * 36, "q\"<>&'", "a:b:c:d"])
def test_every_legal_password_signs_in(node: TestNode, password: str) -> None:
    node.put_user("jdoe", password=password)
    assert sign_in("jdoe", password)[0] == 302
    assert INCORRECT in sign_in("jdoe", "x" + password)[2]


def test_deactivated_user_is_rejected_at_next_request(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", roles=["user_admin"])
    jdoe = signed_in("jdoe")
    assert jdoe.get("/users/").status_code == 200

    node.elastic.security.disable_user(username="jdoe")

    response = jdoe.get("/users/")
    assert response.headers["Location"] == "/login?next=%2Fusers%2F&reason=refused"
    assert "your password was changed or your account was deactivated" in jdoe.get(response.headers["Location"]).content.decode()


def test_privileges_taken_away_elsewhere_count_at_once(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", roles=["user_admin"])
    jdoe = signed_in("jdoe")
    node.put_user("jdoe", roles=["viewer"])

    response = jdoe.get("/users/")

    assert response.status_code == 403
    assert "You don&#x27;t have permission" in response.content.decode()


def test_an_outage_ends_no_session(node: TestNode, signed_in: SignIn, settings: Settings) -> None:
    ada = signed_in("ada")
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    response = ada.get("/users/?q=x")
    assert response.status_code == 503
    assert "/users/?q=x" in response.content.decode(), "a link to try again"

    settings.ELASTICSEARCH_HOSTS = [node.url]
    assert ada.get("/users/").status_code == 200


def test_pending_form_is_sent_after_sign_in(node: TestNode, signed_in: SignIn) -> None:
    ada = signed_in("ada")
    ada.cookies[django_settings.SESSION_COOKIE_NAME] = "ended"
    data = {
        "username": "jdoe",
        "full_name": "<Jane>",
        "password": "canary-1",
        "confirm_password": "canary-1",
        "roles": ["viewer", "editor"],
    }

    interrupted = ada.post("/users/create", data)
    assert "Your session has ended" in interrupted.content.decode()
    context = interrupted.context
    assert "canary" not in interrupted.content.decode()

    signed_in_again = ada.post(
        "/login", {"username": "ada", "password": PASSWORD, "next": context["next"], "pending_form": context["pending_form"]}
    )
    assert signed_in_again.status_code == 200
    assert signed_in_again.context["action"] == "/users/create"
    kept = QueryDict(mutable=True)
    for name, value in signed_in_again.context["typed"]:
        kept.appendlist(name, value)
    form = ada.post("/users/create", kept).content.decode()
    assert "&lt;Jane&gt;" in form
    assert "Enter a password." in form
    assert node.user("jdoe") is None


def test_pending_form_without_fields_is_kept(node: TestNode, signed_in: SignIn) -> None:
    """Its URL may have no page."""
    otto = signed_in("otto")
    otto.cookies[django_settings.SESSION_COOKIE_NAME] = "ended"
    kept = otto.post("/findings/run").context
    again = otto.post(
        "/login", {"username": "otto", "password": PASSWORD, "next": kept["next"], "pending_form": kept["pending_form"]}
    )
    assert (again.status_code, again.context["action"]) == (200, "/findings/run")


def test_pending_form_says_that_files_are_not_kept(node: TestNode, signed_in: SignIn) -> None:
    otto = signed_in("otto")
    otto.cookies[django_settings.SESSION_COOKIE_NAME] = "ended"
    files = {name: SimpleUploadedFile("users.csv", b"canary") for name in ("one", "other")}
    page = otto.post("/compare/exports", files).content.decode()
    assert "Your form is kept, but not its files." in page
    fields = dict(re.findall(r'name="(next|pending_form|without_\w+)" value="([^"]*)"', page))
    again = otto.post("/login", {"username": "otto", "password": PASSWORD, **fields})
    assert "Files are not kept." in again.content.decode()
    assert again.context["action"] == "/compare/exports"
    assert otto.post("/compare/exports").status_code == 422, "the form to choose them"


@pytest.mark.parametrize("pending_form", ["nonsense", "[1]", "{}", "[[1, 2, 3]]", "null", "[" * 100_000])
def test_invalid_pending_form_is_ignored(node: TestNode, pending_form: str) -> None:
    assert sign_in("ada", PASSWORD, pending_form=pending_form)[:2] == (302, "/")


def test_form_sent_during_an_outage_can_be_resent(node: TestNode, signed_in: SignIn, settings: Settings) -> None:
    ada = signed_in("ada")
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]

    page = ada.post("/users/create", {"username": "jdoe", "full_name": "Jane", "password": "canary-1"})

    assert page.status_code == 503
    assert page.context["typed"] == [("username", "jdoe"), ("full_name", "Jane")]
    assert 'name="full_name" value="Jane"' in page.content.decode()
    assert "canary" not in page.content.decode()


def test_signing_in_writes_the_session_once(node: TestNode, signed_in: SignIn, calls: list[str]) -> None:
    signed_in("ada")
    assert len([call for call in calls if call.startswith("PUT /usermgmt-sessions/")]) == 1


def test_privileges_are_refreshed(node: TestNode, signed_in: SignIn, settings: Settings) -> None:
    node.put_user("jdoe", roles=["user_admin"])
    jdoe = signed_in("jdoe")
    node.put_user("jdoe", roles=["usermgmt_auditor"])
    assert "createUserButton" in jdoe.get("/users/").content.decode(), "the pages know it from the sign-in"
    assert jdoe.post("/users/delete/norah").status_code == 403, "the cluster knows it at once"

    settings.PRIVILEGES_FRESH_FOR = timedelta(0)
    assert "createUserButton" not in jdoe.get("/users/").content.decode()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("host", ["10.42.0.7:8000", "[2001:db8::7]:8000", "es-users.svc.cluster.local", "_"])
def test_health_checks_by_any_host(node: TestNode, settings: Settings, method: str, path: str, host: str) -> None:
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["users.example.org"], True
    assert Client().generic(method, path, headers={"host": host}).status_code == 200
    assert Client().get("/login", headers={"host": host}, secure=True).status_code == 400


def test_alive_and_ready(node: TestNode, settings: Settings) -> None:
    assert Client().get("/readyz").status_code == 200
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    assert Client().get("/readyz").status_code == 503
    assert Client().get("/livez").status_code == 200


def test_csrf_cookie_is_sent_once_until_sign_in(node: TestNode) -> None:
    browser = Client(enforce_csrf_checks=True)
    first = browser.get("/login")
    assert "usermgmt_csrf" in first.cookies
    assert not first.cookies["usermgmt_csrf"]["max-age"], "it ends with the browser"
    assert "usermgmt_csrf" not in browser.get("/login").cookies
    token = browser.get("/login").context["csrf_token"]
    signed_in = browser.post("/login", {"username": "ada", "password": PASSWORD, "csrfmiddlewaretoken": str(token)})
    assert signed_in.status_code == 302
    assert signed_in.cookies["usermgmt_csrf"].value != first.cookies["usermgmt_csrf"].value
    page = browser.get("/users/")
    assert "usermgmt_csrf" not in page.cookies
    found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    assert found
    assert browser.post("/theme", {"theme": "dark", "csrfmiddlewaretoken": found[1]}).status_code == 302
    assert browser.post("/theme", {"theme": "dark", "csrfmiddlewaretoken": str(token)}).status_code == 403
