"""Nobody is locked out: after every change, an active native or built-in user who can manage users is left."""

import html
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bcrypt
import pytest
from django.test import Client
from elasticsearch import ApiError
from pytest_django import Settings

from accounts.services import errors, users
from accounts.services.client import PersonClient, invalidate
from accounts.services.request_context import Actor
from accounts.services.users import User
from tests.support.cast import PASSWORD
from tests.support.forms import posted
from tests.support.nodes import TestNode
from tests.support.programs import basic
from tests.support.traces import trail

REFUSED = "No other active native or built-in user can manage users."


@pytest.fixture
def outsider(node: TestNode) -> Iterator[PersonClient]:
    """A superuser of the file realm, so one who isn't counted. `elastic` is deactivated: `ada` and `boss` are administrators."""
    client = PersonClient("outsider", PASSWORD)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()
    files = {"users": f"outsider:{hashed}\n", "users_roles": "superuser:outsider\n"}
    before = {name: (node.config / name).read_bytes() if (node.config / name).exists() else b"" for name in files}
    for name, content in files.items():
        (node.config / name).write_text(content)
    node.put_user("boss", roles=["user_admin", "viewer"])
    # A built-in user who is deactivated and activated again loses the password of the keystore.
    node.elastic.security.change_password(username="elastic", password=node.elastic_password)
    while "superuser" not in roles_of(client):
        pass
    client.disable_user(username="elastic")
    yield client
    client.enable_user(username="elastic")
    node.put_user("ada", roles=["user_admin"])
    for name, earlier in before.items():
        (node.config / name).write_bytes(earlier)


def roles_of(client: PersonClient) -> list[str]:
    """Once the node has read both files."""
    try:
        answer: list[str] = client.authenticate()["roles"]
    except (ApiError, errors.AuthenticationFailed):
        return []
    return answer


def changes(client: PersonClient, username: str) -> list[Callable[[], None]]:
    seen = users.get(client, username)
    return [
        lambda: users.update(client, seen, User(username, roles=("viewer",))),
        lambda: users.disable(client, username),
        lambda: users.delete(client, username),
    ]


def test_user_api_keeps_the_last_administrator(node: TestNode, outsider: PersonClient) -> None:
    """PUT can also deactivate a user, or take their roles."""
    users.disable(outsider, "boss")
    for body in ({"roles": ["viewer"]}, {"roles": ["user_admin"], "enabled": False}):
        headers = {"Authorization": basic("outsider")}
        response = Client().put("/_security/user/ada", body, content_type="application/json", headers=headers)
        assert (response.status_code, response.json()["error"]["type"]) == (400, "illegal_argument_exception")
    assert users.get(outsider, "ada") == User("ada", roles=("user_admin",))


USERS = "cluster:admin/xpack/security/user/"
ROLES = "cluster:admin/xpack/security/role/get"


def program(outsider: PersonClient, *actions: str, key: bool = False) -> Client:
    """A native user, or an API key of theirs, who can put, read, and delete users, and these actions."""
    outsider.put_role(name="clerk", cluster=[f"{USERS}put", f"{USERS}get", f"{USERS}delete", "manage_own_api_key", *actions])
    outsider.put_user(username="clerk", password=PASSWORD, roles=["clerk"])
    if not key:
        return Client(headers={"Authorization": basic("clerk")})
    return Client(headers={"Authorization": f"ApiKey {PersonClient('clerk', PASSWORD).create_api_key(name='nightly')['encoded']}"})


def put(caller: Client, username: str, **fields: Any) -> Any:
    return caller.put(f"/_security/user/{username}", {"roles": [], **fields}, content_type="application/json")


@pytest.mark.parametrize("key", [False, True])
def test_a_program_that_cant_read_roles(node: TestNode, outsider: PersonClient, key: bool) -> None:
    """Elasticsearch decides, unless nobody is known to be left: then the response names what the program lacks."""
    caller = program(outsider, f"{USERS}query", key=key)
    outsider.put_user(username="jdoe", password=PASSWORD, roles=["viewer", "editor"])
    assert put(caller, "jdoe", roles=["viewer", "editor"], full_name="Jane").status_code == 200, "takes no role"
    refused: list[Any] = [put(caller, "jdoe", roles=["viewer"]), caller.delete("/_security/user/boss")]
    for response in refused:
        error = response.json()["error"]
        assert (response.status_code, error["type"]) == (403, "security_exception")
        assert "it isn't known whether another active native or built-in user can manage users" in error["reason"]
        assert ROLES in error["reason"]
    assert users.get(outsider, "jdoe").roles == ("viewer", "editor")
    outsider.put_user(username="root", password=PASSWORD, roles=["superuser"])
    try:
        assert put(caller, "jdoe", roles=["viewer"]).status_code == 200
        assert put(caller, "clerk", roles=["clerk"], full_name="Clerk").status_code == 200
        assert put(caller, "boss", roles=["viewer"]).status_code == 200
        assert caller.delete("/_security/user/root").status_code == 403
        assert put(caller, "clerk", roles=[]).status_code == 200, "they have no privilege to manage users"
    finally:
        outsider.delete_user(username="root")
        outsider.enable_user(username="elastic")
    reasons = {event.action: event.reason for event in trail(node, target="root", outcome="failure")}
    assert reasons == {"user-delete": "administrators_unknown"}


def test_a_program_that_cant_search_users(outsider: PersonClient) -> None:
    caller = program(outsider, ROLES)
    response = caller.delete("/_security/user/boss")
    assert (response.status_code, f"{USERS}query" in response.json()["error"]["reason"]) == (403, True)
    outsider.enable_user(username="elastic")
    assert caller.delete("/_security/user/boss").status_code == 200


def test_a_native_user_who_isnt_an_administrator_doesnt_count(outsider: PersonClient) -> None:
    """They can delete users, so Elasticsearch lets them delete the last administrator."""
    caller = program(outsider, ROLES, f"{USERS}query")
    assert caller.delete("/_security/user/boss").status_code == 200
    response = caller.delete("/_security/user/ada")
    assert (response.status_code, response.json()["error"]["type"]) == (400, "illegal_argument_exception")
    assert users.get(outsider, "ada").enabled


def test_last_administrator_stays(node: TestNode, outsider: PersonClient) -> None:
    users.disable(outsider, "boss")
    for change in changes(outsider, "ada"):
        with pytest.raises(errors.LastAdministrator):
            change()
    ada = users.get(outsider, "ada")
    assert (ada.roles, ada.enabled) == (("user_admin",), True)
    users.update(outsider, ada, User("ada", "Ada", roles=("viewer", "user_admin")))
    users.delete(outsider, "boss")
    assert not users.last_administrators(outsider, [User("norah", roles=("viewer",))])

    users.enable(outsider, "elastic")
    for number in range(3):
        changes(outsider, "ada")[number]()
        node.put_user("ada", roles=["user_admin"])
    reasons = {event.action: event.reason for event in trail(node, target="ada", outcome="failure")}
    assert reasons == dict.fromkeys(["user-update", "user-disable", "user-delete"], "last_administrator")


def test_pages_say_so_before(outsider: PersonClient, signed_in: Callable[..., Client]) -> None:
    browser = signed_in("outsider")
    outsider.put_user(username="jdoe", password=PASSWORD, roles=[])
    both = {"username": ["ada", "boss", "jdoe"]}
    page = html.unescape(browser.get("/users/delete", both).content.decode())
    assert page.count(REFUSED) == 2
    assert "Delete user 'jdoe'?" in page
    users.delete(outsider, "boss")
    for url in ("/users/deactivate/ada", "/users/delete/ada"):
        for response in (browser.get(url), browser.post(url)):
            assert response.status_code == 409
            assert REFUSED in html.unescape(response.content.decode())
    response = browser.post("/users/edit/ada", posted(browser, "/users/edit/ada", roles=["viewer"]))
    assert response.status_code == 422
    assert REFUSED in html.unescape(response.content.decode())
    assert browser.post("/users/delete", both).status_code == 302
    assert outsider.query_user(query={"terms": {"username": both["username"]}})["users"][0]["username"] == "ada"


def test_two_who_remove_one_administrator_each(outsider: PersonClient) -> None:
    seen = {name: users.get(outsider, name) for name in ("ada", "boss")}

    def delete(name: str) -> type[Exception] | None:
        try:
            users.delete(PersonClient("outsider", PASSWORD), name, seen[name])
        except (errors.LastAdministrator, errors.Conflict) as exc:
            return type(exc)
        return None

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(delete, seen))
    assert outcomes.count(None) == 1, outcomes


def test_a_program_cannot_hide_the_removal_of_an_administrator(node: TestNode, outsider: PersonClient) -> None:
    """Without a refresh, the search for another administrator would still find `boss`."""
    program = Client(headers={"Authorization": basic("outsider")})
    url = "/_security/user/boss?refresh=%66alse&pretty"
    assert program.put(url, {"roles": ["viewer"]}, content_type="application/json").json() == {"created": False}
    answer = program.delete("/_security/user/ada?refresh=false")
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "illegal_argument_exception")


def test_built_in_administrators_are_not_taken_from_the_cache(outsider: PersonClient, settings: Settings) -> None:
    settings.CACHE_SECONDS = 60
    client = PersonClient("outsider", PASSWORD, frozenset({"manage_security", "read_security"}))
    users.delete(client, "boss")
    outsider.enable_user(username="elastic")
    invalidate()
    assert "elastic" in {user.username for user in users.reserved(client) if user.enabled}
    outsider.disable_user(username="elastic")  # by another process
    with pytest.raises(errors.LastAdministrator):
        users.delete(client, "ada")
    invalidate()


def test_many_administrators_at_once(node: TestNode, outsider: PersonClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a bulk change removes them, while others are left."""
    monkeypatch.setattr("accounts.services.users.users.LOCK_PATIENCE", 60)  # for a machine that is busy with other tests
    names = [f"boss{number}" for number in range(6)]
    for name in names:
        outsider.put_user(username=name, password=PASSWORD, roles=["user_admin"])
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: users.delete(PersonClient("outsider", PASSWORD), name), names))
    assert not outsider.query_user(query={"terms": {"username": names}})["users"]


def test_no_call_of_an_administrator_who_is_left(node: TestNode, calls: list[str]) -> None:
    node.put_user("boss", roles=["user_admin"])
    boss, ada = User("boss", roles=("user_admin",)), PersonClient("ada", PASSWORD, frozenset({"manage_security", "read_security"}))
    ada.actor = Actor("ada", "default_native", "native")
    calls.clear()
    assert users.last_administrators(ada, [boss]) == []
    assert calls == []
    users.delete(ada, "boss", boss)
    assert [call for call in calls if "usermgmt" not in call] == [
        "PUT /_bulk",
        "DELETE /_security/user/boss",
        "PUT /_bulk",  # their sessions end, too
    ]


def test_few_calls(node: TestNode, person: Callable[[str], PersonClient], calls: list[str]) -> None:
    node.put_user("boss", roles=["user_admin"])
    boss, norah, ada = User("boss", roles=("user_admin",)), User("norah", roles=("viewer",)), person("ada")
    calls.clear()
    assert users.last_administrators(ada, [norah]) == []
    assert calls == ["GET /_security/role"], "cached for a signed-in user"
    calls.clear()
    users.delete(ada, "boss", boss)
    besides = [call for call in calls if "_bulk" not in call and "usermgmt-sessions" not in call]
    assert [call.split("?")[0].rpartition("/")[0] for call in besides] == [
        "GET /_security",
        "PUT /usermgmt-locks/_doc",
        "GET /_security/user",
        "DELETE /_security/user",
        "DELETE /usermgmt-locks/_doc",
    ]
