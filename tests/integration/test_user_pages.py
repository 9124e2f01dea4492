"""The list, the user's page and the form, over HTTP."""

import html
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from accounts.services.documents import locks
from tests.support.cast import PASSWORD
from tests.support.forms import fields, posted
from tests.support.names import HOSTILE_NAMES
from tests.support.nodes import TestNode
from tests.support.pages import text

SignIn = Callable[..., Client]


@pytest.fixture
def ada(signed_in: SignIn) -> Client:
    return signed_in("ada")


def form_of(client: Client, username: str, **changes: Any) -> dict[str, Any]:
    """What a browser would post from the user's page."""
    return posted(client, reverse("user_edit", args=[username]), **changes)


def test_the_list_shows_what_is_to_be_known(node: TestNode, ada: Client) -> None:
    node.put_user("jdoe", full_name="Jane Doe", email="jane@example.org", roles=["viewer", "kibana_user", "nope"], enabled=False)
    page = text(ada, "/users/?q=jdoe")
    for part in (
        "Jane Doe",
        "jane@example.org",
        "Showing 1–1 of 1",
        "userDisabled",
        "This role does not exist",
        "This role is deprecated",
    ):
        assert part in page


def test_reserved_users_have_a_badge_and_no_checkbox(node: TestNode, ada: Client) -> None:
    page = text(ada, "/users/?q=kibana")
    assert page.count("data-test-subj=userReserved") == 2
    assert page.count("data-test-subj=userDeprecated") == 1
    assert "User is a system user" in page
    assert "data-test-subj=userRow>" not in text(ada, "/users/?q=kibana&reserved=0")


def test_the_two_empty_lists_are_different(node: TestNode, ada: Client, signed_in: Callable[..., Client]) -> None:
    filtered = text(ada, "/users/?q=zzz")
    assert "No users match" in filtered
    assert "No users yet" not in filtered
    elastic = signed_in("elastic", node.elastic_password)
    with node.without_native_users():
        empty = text(elastic, "/users/?kind=native")
    assert "No users yet" in empty
    assert "No users match" not in empty


def test_user_list_takes_three_calls(node: TestNode, ada: Client, calls: list[str]) -> None:
    calls.clear()
    ada.get("/users/")
    assert sorted(call for call in calls if "usermgmt-sessions" not in call) == [
        "GET /_security/role",
        "GET /_security/user/apm_system,beats_system,elastic,kibana,kibana_system,logstash_system,remote_monitoring_user",
        "POST /_security/_query/user",
    ]
    assert len(calls) == 4, "and one read of the session"


def test_htmx_gets_results_and_history_gets_the_page(node: TestNode, ada: Client) -> None:
    headers = {"HX-Request": "true", "HX-Target": "users-results"}
    fragment = ada.get("/users/", headers=headers).content.decode()
    assert "<html" not in fragment
    assert "userRow" in fragment
    page = ada.get("/users/", headers={**headers, "HX-History-Restore-Request": "true"})
    assert "<html" in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    assert "HX-Request" in page.headers["Vary"]


def test_creating_a_user(node: TestNode, ada: Client) -> None:
    response = ada.post(
        "/users/create",
        {
            "username": "jdoe",
            "full_name": " Jane ",
            "email": "jane@example.org",
            "password": " pass-word ",
            "confirm_password": " pass-word ",
            "roles": ["viewer", "editor"],
        },
    )
    assert response.headers["Location"] == "/users/"
    assert "Created user 'jdoe'" in text(ada, "/users/")
    user = node.user("jdoe")
    assert user
    assert (user["full_name"], user["email"], sorted(user["roles"]), user["enabled"]) == (
        " Jane ",
        "jane@example.org",
        ["editor", "viewer"],
        True,
    )
    assert node.signs_in("jdoe", " pass-word ")


def test_existing_username_is_a_field_error(node: TestNode, ada: Client) -> None:
    node.put_user("jdoe")
    data = {"username": "jdoe", "full_name": "Jane", "password": "canary-1", "confirm_password": "canary-1", "roles": ["viewer"]}
    response = ada.post("/users/create", data)
    page = html.unescape(response.content.decode())
    assert response.status_code == 422
    assert "User 'jdoe' already exists." in page
    assert 'value="Jane"' in page
    assert '<option value="viewer" selected' in page.replace("  ", " ")
    assert "canary" not in page


def test_a_username_that_differs_only_in_case_must_be_confirmed(node: TestNode, ada: Client) -> None:
    node.put_user("joe9")
    node.put_user("joe90")
    data = {"username": "Joe9", "full_name": "Joe", "email": "", "password": PASSWORD, "confirm_password": PASSWORD}

    warned = ada.post("/users/create", data)
    page = html.unescape(warned.content.decode())
    assert warned.status_code == 422
    assert "User “joe9” exists. Usernames are case-sensitive, so “Joe9” would be another user." in page
    assert 'name="confirmed_username" value="Joe9"' in page
    assert 'value="Joe"' in page
    assert node.user("Joe9") is None
    assert ada.post("/users/create", {**data, "confirmed_username": "JOE9"}).status_code == 422, "that was about another one"
    page = html.unescape(ada.post("/users/create", {**data, "confirm_password": "other"}).content.decode())
    assert 'name="confirmed_username" value="Joe9"' in page, "together with the other errors"
    assert "Passwords do not match" in page

    assert ada.post("/users/create", {**data, "confirmed_username": "Joe9"}).status_code == 302
    assert node.user("Joe9")


def test_an_existing_username_counts_more_than_similar_ones(node: TestNode, ada: Client) -> None:
    node.put_user("joe9")
    node.put_user("Joe9")
    data = {"username": "joe9", "password": PASSWORD, "confirm_password": PASSWORD}
    page = html.unescape(ada.post("/users/create", data).content.decode())
    assert "User 'joe9' already exists." in page
    assert "confirmed_username" not in page
    hint = html.unescape(ada.get("/users/similar?username=joe9").content.decode())
    assert "User 'joe9' already exists." in hint
    assert "another user" not in hint
    assert "User 'elastic' already exists." in html.unescape(ada.get("/users/similar?username=elastic").content.decode())


def test_history_of_a_deleted_user_leads_to_the_list(node: TestNode, ada: Client) -> None:
    node.put_user("jdoe")
    assert '<a class="back-link" href="/users/edit/jdoe">' in text(ada, "/users/history/jdoe")
    ada.post("/users/delete/jdoe")
    assert '<a class="back-link" href="/users/">' in text(ada, "/users/history/jdoe")


def test_deletion_of_no_selected_users(node: TestNode, ada: Client) -> None:
    page = text(ada, "/users/delete")
    assert "No users are selected. Select users in the list." in page
    assert "Delete 0 users" not in page


def test_similar_usernames_take_one_call(node: TestNode, ada: Client, calls: list[str]) -> None:
    node.put_user("a,b*")
    node.put_user("A,B*")
    calls.clear()
    page = text(ada, "/users/similar?username=A,b*")
    assert "Users “A,B*”, “a,b*” exist." in page
    assert [call for call in calls if "usermgmt-sessions" not in call] == ["POST /_security/_query/user"]
    assert "User “elastic” exists." in text(ada, "/users/similar?username=Elastic")
    for username in ("A,B", "", "%00", "жанна"):
        assert not text(ada, f"/users/similar?username={username}").strip()


def test_a_role_that_is_posted_twice_is_stored_once(node: TestNode, ada: Client) -> None:
    node.put_user("jdoe", roles=["viewer"])
    assert ada.post("/users/edit/jdoe", form_of(ada, "jdoe", roles=["editor", "viewer", "editor"])).status_code == 302
    assert (node.user("jdoe") or {})["roles"] == ["viewer", "editor"]


@pytest.mark.parametrize("email", ["jörg@beispiel.example", "пример@кц.рф", "admin@10.0.0.1"])
def test_addresses_that_people_have_are_stored(node: TestNode, ada: Client, email: str) -> None:
    node.put_user("jdoe")
    assert ada.post("/users/edit/jdoe", form_of(ada, "jdoe", email=email)).status_code == 302
    assert (node.user("jdoe") or {})["email"] == email


def test_thousands_of_roles_can_be_edited(node: TestNode, ada: Client) -> None:
    names = [f"team-{number:04}-{'x' * 90}" for number in range(3000)]
    node.put_user("jdoe", roles=names)
    data = urlencode(posted(ada, "/users/edit/jdoe", full_name="Jane", roles=[*names, "viewer"]), doseq=True)
    assert ada.post("/users/edit/jdoe", data, content_type="application/x-www-form-urlencoded").status_code == 302
    user = node.user("jdoe") or {}
    assert (user["full_name"], user["roles"]) == ("Jane", [*names, "viewer"])


def test_roles_that_dont_exist_or_are_deprecated_are_named_without_javascript(node: TestNode, ada: Client) -> None:
    node.put_user("jdoe", roles=["viewer", "kibana_user", "nope"])
    page = text(ada, "/users/edit/jdoe")
    assert "<strong>nope</strong> doesn't exist in this cluster." in page
    assert "<strong>kibana_user</strong> is deprecated. Please use" in page
    assert 'label="nope (doesn\'t exist)"' in page
    assert "<strong>viewer</strong>" not in page


def test_editing_a_user(node: TestNode, ada: Client) -> None:
    node.put_user("jdoe", full_name="Jane", roles=["viewer", "gone"], enabled=False, metadata={"badge": 7})
    response = ada.post("/users/edit/jdoe", form_of(ada, "jdoe", full_name="Janet", roles=["gone", "editor"]))
    assert response.headers["Location"] == "/users/"
    assert "Updated user 'jdoe'" in text(ada, "/users/")
    user = node.user("jdoe")
    assert user
    assert (user["full_name"], set(user["roles"]), user["enabled"], user["metadata"]) == (
        "Janet",
        {"gone", "editor"},
        False,
        {"badge": 7},
    )


def test_edit_conflict_is_shown_and_can_be_overwritten(node: TestNode, ada: Client) -> None:
    node.put_user("jdoe", full_name="Jane", email="jane@example.org", roles=["viewer"])
    data = form_of(ada, "jdoe", full_name="Jane Doe")
    node.elastic.security.put_user(username="jdoe", full_name="Janet", email="janet@example.org", roles=["viewer"])

    response = ada.post("/users/edit/jdoe", data)

    page = html.unescape(response.content.decode())
    assert response.status_code == 409
    assert "Janet" in page
    assert 'value="Jane Doe"' in page
    assert 'value="janet@example.org"' in page, "what the person did not touch is as it is now"
    assert (node.user("jdoe") or {})["full_name"] == "Janet"

    assert ada.post("/users/edit/jdoe", fields(response.content.decode())).status_code == 302
    assert (node.user("jdoe") or {})["full_name"] == "Jane Doe"
    assert (node.user("jdoe") or {})["email"] == "janet@example.org"


def test_own_management_privilege_cant_be_removed(node: TestNode, ada: Client) -> None:
    response = ada.post("/users/edit/ada", form_of(ada, "ada", roles=["viewer"]))
    assert response.status_code == 422
    assert "You can&#x27;t remove your own permission to manage users." in response.content.decode()
    assert (node.user("ada") or {})["roles"] == ["user_admin"]


def test_own_account_cant_be_deleted_or_deactivated(node: TestNode, ada: Client) -> None:
    writes = node.writes()
    for url in ("/users/delete/ada", "/users/deactivate/ada"):
        assert "your own account" in text(ada, url, status=403)
        assert ada.post(url).status_code == 403
    assert ada.post("/users/delete", {"username": ["ada"]}).status_code == 200
    assert node.writes() == writes


def test_actions_on_reserved_users(node: TestNode, ada: Client) -> None:
    assert "This user is built in and can't be updated or deleted." in text(ada, "/users/edit/logstash_system")
    assert ada.post("/users/edit/logstash_system", {"full_name": "x", "seen": "{}"}).status_code == 403
    assert ada.post("/users/delete/logstash_system").status_code == 403

    for username, service in (("kibana", "Kibana"), ("kibana_system", "Kibana"), ("logstash_system", "Logstash")):
        assert f"{service} will lose connection to Elasticsearch" in text(ada, f"/users/deactivate/{username}")
    assert ada.post("/users/deactivate/logstash_system").headers["Location"] == "/users/edit/logstash_system"
    assert "This user has been deactivated and can't access Elastic." in text(ada, "/users/edit/logstash_system")
    assert "will lose connection" not in text(ada, "/users/activate/logstash_system")
    ada.post("/users/activate/logstash_system")
    assert node.elastic.security.get_user(username="logstash_system")["logstash_system"]["enabled"]


def test_deleting_several_leaves_those_that_may_not_be(node: TestNode, ada: Client) -> None:
    for name in ("one", "two", "a,b"):
        node.put_user(name)
    query = "?username=one&username=two&username=a,b&username=elastic&username=ada&username=gone"
    page = text(ada, f"/users/delete{query}")
    assert "Delete 3 users" in page
    assert "User is a system user" in page

    ada.post("/users/delete", {"username": ["one", "two", "a,b", "elastic", "ada", "gone"]})

    assert not {"one", "two", "a,b"} & node.usernames()
    assert "ada" in node.usernames()
    assert "Deleted user 'a,b'" in text(ada, "/users/")


def test_dialog_gets_a_fragment_and_redirects(node: TestNode, ada: Client) -> None:
    node.put_user("jdoe")
    headers = {"HX-Request": "true", "HX-Target": "dialog-content"}
    for url in ("/users/delete/jdoe", "/users/deactivate/jdoe", "/users/change-password/jdoe", "/users/delete?username=jdoe"):
        assert "<html" not in ada.get(url, headers=headers).content.decode()
        assert "<html" in ada.get(url).content.decode()
    response = ada.post("/users/delete/jdoe", headers=headers)
    assert response.headers["HX-Redirect"] == "/users/"
    assert node.user("jdoe") is None


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_every_page_opens_for_every_legal_name(node: TestNode, ada: Client, name: str) -> None:
    shown = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").replace("'", "&#x27;")
    data = {"username": name, "full_name": "", "email": "", "password": PASSWORD, "confirm_password": PASSWORD, "roles": ["viewer"]}
    assert ada.post("/users/create", data).status_code == 302
    assert shown in ada.get("/users/").content.decode()

    for page in ("user_edit", "user_change_password", "user_deactivate", "user_delete"):
        response = ada.get(reverse(page, args=[name]))
        assert response.status_code == 200
        assert shown in response.content.decode()
    assert shown in ada.get("/users/delete", {"username": name}).content.decode()

    assert ada.post(reverse("user_edit", args=[name]), form_of(ada, name, full_name="Jane")).status_code == 302
    data = {"password": "another-one", "confirm_password": "another-one"}
    assert ada.post(reverse("user_change_password", args=[name]), data).headers["Location"] == reverse("user_edit", args=[name])
    assert node.signs_in(name, "another-one") is (":" not in name)
    ada.post(reverse("user_deactivate", args=[name]))
    assert (node.user(name) or {})["enabled"] is False
    assert ada.get(reverse("user_activate", args=[name])).status_code == 200
    ada.post(reverse("user_activate", args=[name]))
    assert (node.user(name) or {})["enabled"] is True
    assert (node.user(name) or {})["full_name"] == "Jane"
    ada.post(reverse("user_delete", args=[name]))
    assert node.user(name) is None


@pytest.mark.parametrize(
    "url",
    ["/users/edit/gone", "/users/delete/gone", "/users/deactivate/gone", "/users/change-password/gone", "/users/edit/_password"],
)
def test_missing_user_has_a_page(node: TestNode, ada: Client, url: str) -> None:
    assert "This user doesn't exist or was deleted." in text(ada, url, status=404)
    writes = node.writes()
    assert ada.post(url, {"password": PASSWORD, "confirm_password": PASSWORD}).status_code == 404
    assert node.writes() == writes


def test_locked_user_loses_no_input(node: TestNode, ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.services.users.users.LOCK_PATIENCE", 0)
    node.put_user("jdoe", full_name="Jane", roles=["viewer"])
    data = form_of(ada, "jdoe", full_name="Jane Doe")
    with locks.held("user jdoe"):
        response = ada.post("/users/edit/jdoe", data)
        denied = ada.post("/users/deactivate/jdoe")
    assert (denied.status_code, "at the latest after 2 minutes" in denied.content.decode()) == (409, True)
    assert response.status_code == 422
    assert "Another change of this user is being saved, or its outcome is unknown." in response.content.decode()
    assert 'value="Jane Doe"' in response.content.decode()
    assert (node.user("jdoe") or {})["full_name"] == "Jane"
    assert ada.post("/users/edit/jdoe", data).status_code == 302


def test_saving_a_user_takes_five_calls(node: TestNode, ada: Client, calls: list[str]) -> None:
    node.put_user("jdoe")
    data = form_of(ada, "jdoe", full_name="Jane")
    calls.clear()
    ada.post("/users/edit/jdoe", data)
    assert [call.split("/")[1] + " " + call.split(" ")[0] for call in calls if "usermgmt-sessions" not in call] == [
        "_security GET",  # the roles
        "_bulk PUT",  # the lock, and what is about to be done
        "_security GET",  # the user as it is now
        "_security PUT",
        "_bulk PUT",  # what became of it, and the lock
    ]


def test_a_name_that_can_never_sign_in_is_warned_about(node: TestNode, ada: Client) -> None:
    ada.post("/users/create", {"username": "a:b", "password": PASSWORD, "confirm_password": PASSWORD})
    assert "Users with a colon in their username can't sign in with a password." in text(ada, "/users/")


def test_the_deepest_metadata_breaks_no_page(node: TestNode, ada: Client) -> None:
    """Elasticsearch takes 1,000 levels. One such user would otherwise be the end of every list."""
    body = f'{{"password": "{PASSWORD}", "roles": [], "metadata": {{"key": {"[" * 990 + "]" * 990}}}}}'
    json_type = "application/json"
    node.elastic.perform_request("PUT", "/_security/user/deep", headers={"content-type": json_type, "accept": json_type}, body=body)
    for page in ("/users/", "/users/edit/deep", "/users/access/deep", "/users/delete/deep", "/users/print?q=deep"):
        assert ada.get(page).status_code == 200
    assert ada.post("/users/export", {"format": "ndjson"}).getvalue()
    assert ada.post("/users/deactivate/deep").status_code == 302
    assert ada.post("/users/delete/deep").status_code == 302  # with the values in the audit trail
    assert ada.get("/users/history/deep").status_code == 200


def test_half_a_character_breaks_no_page(node: TestNode, ada: Client) -> None:
    role: dict[str, Any] = {"cluster": ["monitor"], "metadata": {"k\udc00": "a\ud800b"}}
    node.elastic.security.put_role(name="halved", **role)
    node.put_user("halved", full_name="a\ud800b", metadata={"k\udc00": "a\ud800b"}, roles=["halved"])
    for page in ("/users/?q=halved", "/users/edit/halved", "/users/access/halved", "/users/print?q=halved"):
        response = ada.get(page)
        assert response.status_code == 200
        assert "a?b" in response.content.decode()
    for page in ("/roles/view/halved", "/roles/", "/users/delete/halved", "/users/history/halved"):
        assert ada.get(page).status_code == 200
    assert ada.post("/users/delete/halved").status_code == 302  # with the values in the audit trail
