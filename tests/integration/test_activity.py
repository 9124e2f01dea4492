"""The list's other view: who signed in when, whose password is how old, since when somebody is there."""

import re
from collections.abc import Callable

from django.test import Client

from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode


def cell(page: str, username: str, name: str) -> str:
    """What the row of that user has in a cell, in words."""
    row = next(row for row in page.split('<tr data-test-subj="userRow">') if f">{username}</a>" in row)
    found = re.search(rf'data-test-subj="userRow{name}">(.*?)</td>', row, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def activity(client: Client, username: str) -> str:
    response = client.get("/users/", {"view": "activity", "q": username})
    assert response.status_code == 200
    return response.content.decode()


def create(client: Client, username: str) -> None:
    data = {
        "username": username,
        "full_name": "",
        "email": "",
        "password": PASSWORD,
        "confirm_password": PASSWORD,
        "roles": ["viewer"],
    }
    assert client.post("/users/create", data).status_code == 302


def test_activity_is_known_or_reported_as_missing(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    create(ada, "act-here")
    node.put_user("act-elsewhere")
    node.elastic.indices.refresh(index="usermgmt-audit-*", expand_wildcards="all")

    here = activity(ada, "act-here")
    assert "UTC" in cell(here, "act-here", "Created")
    assert cell(here, "act-here", "PasswordChanged") == cell(here, "act-here", "Created")
    assert re.fullmatch(r"no record since \d{4}-\d\d-\d\d", cell(here, "act-here", "LastSignIn"))
    elsewhere = activity(ada, "act-elsewhere")
    assert cell(elsewhere, "act-elsewhere", "Created").startswith("no record since")


def test_sign_ins_to_usermgmt_and_kibana(node: TestNode, signed_in: Callable[..., Client]) -> None:
    node.put_user("act-norah", roles=["viewer"])
    signed_in("act-norah")
    profile = node.elastic.security.activate_user_profile(grant_type="password", username="act-norah", password=PASSWORD)
    node.elastic.indices.refresh(index="usermgmt-audit-*", expand_wildcards="all")
    otto = signed_in("otto")

    page = activity(otto, "act-norah")
    assert "UTC" in cell(page, "act-norah", "LastSignIn")
    assert f'id="kibana-{profile["uid"]}"' in page
    pieces = otto.get("/users/kibana-sign-ins", {"uid": [profile["uid"], "u_nobody_0"]}).content.decode()
    assert re.search(rf'innerHTML:#kibana-{re.escape(profile["uid"])}"><time', pieces)
    assert "no information" in pieces.split("u_nobody_0")[1]


def test_it_takes_three_calls_at_most(node: TestNode, signed_in: Callable[..., Client], calls: list[str]) -> None:
    ada = signed_in("ada")
    calls.clear()
    assert ada.get("/users/?view=activity").status_code == 200
    besides = [call for call in calls if "usermgmt-sessions" not in call]
    assert len(besides) <= 3, besides
    assert signed_in("norah").get("/users/kibana-sign-ins?uid=x").status_code == 403


def test_an_earlier_user_of_the_same_name_is_told_apart(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    create(ada, "act-again")
    node.elastic.security.delete_user(username="act-again")  # outside usermgmt, so that only the second creation tells
    create(ada, "act-again")
    create(ada, "act-twice")
    assert ada.post("/users/delete/act-twice").status_code == 302
    node.put_user("act-twice")
    ada.post("/users/deactivate/act-twice")
    node.elastic.indices.refresh(index="usermgmt-audit-*", expand_wildcards="all")

    for username, own, earlier in (
        ("act-again", ["Create user"], ["Create user"]),
        ("act-twice", ["Deactivate user"], ["Delete user", "Create user"]),
    ):
        parts = ada.get(f"/users/history/{username}").content.decode().split(f"Earlier users named {username}")
        assert [re.findall(r'data-label="Action">(\w+ user)', part) for part in parts] == [own, earlier]
