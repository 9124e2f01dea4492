"""Values are restored from the audit trail: of an edit, a deactivation, and a deletion."""

import html
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.test import Client

from accounts.services import audit
from accounts.services.audit import Event
from accounts.services.client import PersonClient
from accounts.services.users import users
from accounts.services.users.restores import NOT_RECORDED
from tests.support.cast import PASSWORD
from tests.support.forms import posted
from tests.support.nodes import TestNode
from tests.support.pages import text
from tests.support.traces import trail

SignIn = Callable[..., Client]
EDIT = "/users/edit/jdoe"
REBORN = "reborn"  # a profile stays on the node, and other tests have a jdoe without one
STORED: dict[str, Any] = {"full_name": "Jane", "roles": ["viewer", "editor"], "metadata": {"team": "a", "badge": 7}}


def last(node: TestNode, username: str = "jdoe") -> Event:
    return trail(node, target=username)[-1]


def restore(client: Client, event: Event, *names: str) -> Any:
    page = text(client, f"/audit/restore/{event.id}")
    state = re.search(r'name="state" value="(\w+)"', page)
    assert state
    return client.post(f"/audit/restore/{event.id}", {"field": names, "state": state[1]})


def state_of(client: Client, url: str) -> str:
    found = re.search(r'name="state" value="(\w+)"', text(client, url))
    return found[1] if found else ""


def differs(node: TestNode, username: str = "jdoe", **expected: Any) -> dict[str, Any]:
    user = node.user(username) or {}
    return {name: user[name] for name, value in expected.items() if user[name] != value}


def test_an_edit_and_a_deactivation_are_taken_back(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", **STORED)
    ada = signed_in("ada")
    changes = {"full_name": "Janet", "roles": ["editor", "superuser"], "metadata-0-DELETE": "on", "metadata-1-value": "b"}
    assert ada.post(EDIT, posted(ada, EDIT, **changes)).status_code == 302
    edit = last(node)
    assert ada.post("/users/deactivate/jdoe").status_code == 302
    deactivation = last(node)
    history = text(ada, "/users/history/jdoe")
    assert f'href="/audit/restore/{edit.id}"' in history
    assert f'href="/audit/restore/{deactivation.id}"' in text(ada, f"/audit/event/{deactivation.id}")
    assert "/audit/restore/" not in text(signed_in("otto"), "/users/history/jdoe")
    node.elastic.security.put_user(
        username="jdoe", full_name="Joan", roles=["superuser", "monitor"], enabled=False, metadata={"new": 1}
    )

    page = text(ada, f"/audit/restore/{edit.id}")
    assert page.count("Changed after this event") == 3
    response = restore(ada, edit, "roles", "metadata")
    assert response.headers["Location"] == EDIT

    assert differs(node, full_name="Joan", enabled=False, metadata={"team": "a", "badge": 7, "new": 1}) == {}
    assert set((node.user("jdoe") or {})["roles"]) == {"monitor", "viewer"}
    restored = last(node)
    assert (restored.action, restored.outcome, restored.details["restores"]) == ("user-update", "success", edit.id)
    assert f'href="/audit/event/{edit.id}"' in text(ada, f"/audit/event/{restored.id}")
    assert f'href="/audit/event/{restored.id}"' in text(ada, f"/audit/event/{edit.id}")

    assert restore(ada, deactivation, "enabled").status_code == 302
    assert differs(node, enabled=True) == {}
    assert (last(node).action, last(node).details["restores"]) == ("user-enable", deactivation.id)
    assert "The user already has these values." in text(ada, f"/audit/restore/{deactivation.id}")
    assert restore(ada, restored, "roles", "metadata").status_code == 302, "undo of the undo"
    assert differs(node, metadata={"team": "b", "new": 1}) == {}


def test_what_was_changed_meanwhile_is_shown_first(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", **STORED)
    ada = signed_in("ada")
    ada.post(EDIT, posted(ada, EDIT, full_name="Janet"))
    edit = last(node)
    stale = ada.get(f"/audit/restore/{edit.id}").content.decode()
    node.elastic.security.put_user(username="jdoe", full_name="Joan", roles=["viewer", "editor"], metadata={})
    state = re.search(r'name="state" value="(\w+)"', stale)
    assert state
    response = ada.post(f"/audit/restore/{edit.id}", {"field": ["full_name"], "state": state[1]})
    page = html.unescape(response.content.decode())
    assert response.status_code == 409
    assert "This user was changed after you opened this page" in page
    assert "Joan" in page
    assert differs(node, full_name="Joan") == {}
    unselected = restore(ada, edit)
    assert unselected.status_code == 422
    assert unselected.content.count(b"Select at least one field.") == 2, "in the summary, and at the fields"
    assert b'aria-invalid="true" aria-describedby="id_field_error"' in unselected.content
    assert restore(ada, edit, "full_name").status_code == 302
    assert differs(node, **STORED) == {}

    node.elastic.security.delete_user(username="jdoe")
    assert "This user doesn't exist or was deleted." in text(ada, f"/audit/restore/{edit.id}")


def test_guards_hold_and_other_events_arent_offered(node: TestNode, signed_in: SignIn) -> None:
    ada, client = signed_in("ada"), PersonClient("ada", PASSWORD)
    client.actor = audit.Actor("ada", "default_native", "native")
    own = users.get(client, "ada")
    event = audit.Event.now(client.actor, audit.Action.USER_UPDATE, "ada", "user", changes={"roles": ([], ["user_admin"])})
    for stage in (event.at("intent"), event.at("outcome", "success")):
        audit.writing.add(stage)
    node.elastic.indices.refresh(index="usermgmt-audit-*", expand_wildcards="all")
    response = restore(ada, event, "roles")
    assert response.status_code == 422
    assert "You can't remove your own permission to manage users." in html.unescape(response.content.decode())
    assert users.get(client, "ada") == own

    sign_in = trail(node, action="sign-in")[-1]
    assert "Only changes of a user can be restored" in text(ada, f"/audit/restore/{sign_in.id}")
    assert "restoreLink" not in text(ada, f"/audit/event/{sign_in.id}")
    unknown = audit.Event.now(client.actor, audit.Action.USER_UPDATE, "ada", "user", changes={"roles": (None, ["viewer"])})
    for stage in (unknown.at("intent"), unknown.at("outcome", "success")):
        audit.writing.add(stage)
    node.elastic.indices.refresh(index="usermgmt-audit-*", expand_wildcards="all")
    assert "notRecorded" in text(ada, f"/audit/event/{unknown.id}")
    assert "doesn't have the values before" in text(ada, f"/audit/restore/{unknown.id}")


def profile(node: TestNode) -> str:
    return str(node.elastic.security.activate_user_profile(grant_type="password", username=REBORN, password=PASSWORD)["uid"])


def test_a_deleted_user_is_made_again(node: TestNode, signed_in: SignIn) -> None:
    node.put_user(REBORN, **STORED, email="jane@example.org", enabled=True)
    uid = profile(node)
    node.elastic.security.grant_api_key(
        grant_type="password", username=REBORN, password=PASSWORD, api_key={"name": "backup"}, refresh=True
    )
    node.elastic.security.disable_user(username=REBORN)
    ada = signed_in("ada")
    assert ada.post(f"/users/delete/{REBORN}").status_code == 302
    deletion = last(node, REBORN)
    url = f"/audit/restore/{deletion.id}"
    assert f'href="{url}"' in text(ada, f"/users/history/{REBORN}")
    page = text(ada, url)
    assert "jane@example.org" in page
    assert "1 API key of the deleted user is still active and belongs to the new user." in page

    assert ada.post(url, {"state": state_of(ada, url), "password": "short", "confirm_password": "short"}).status_code == 422
    assert node.user(REBORN) is None
    response = ada.post(url, {"state": state_of(ada, url), "password": PASSWORD, "confirm_password": PASSWORD})
    assert response.headers["Location"] == f"/users/edit/{REBORN}"
    kept = {**STORED, "roles": sorted(STORED["roles"]), "email": "jane@example.org", "enabled": False}
    assert differs(node, REBORN, **kept) == {}
    created = last(node, REBORN)
    assert (created.action, created.details["restores"]) == ("user-create", deletion.id)
    assert "A user with this username exists." in text(ada, url)
    assert ada.post(url, {"state": state_of(ada, url), "password": PASSWORD, "confirm_password": PASSWORD}).status_code == 409

    ada.post(f"/users/activate/{REBORN}")
    assert profile(node) == uid, "the page says so"
    assert re.search(r'data-test-subj="offboardingApiKeys">\s*1\s', text(ada, f"/users/offboarding/{REBORN}"))


def test_an_event_that_is_altered_after_it_was_shown(node: TestNode, signed_in: SignIn) -> None:
    """The API key of usermgmt can add to the audit trail: an event that counts in place of the one that the page showed."""
    node.put_user("jdoe", **STORED)
    node.put_user(REBORN, roles=["viewer"])
    ada = signed_in("ada")
    ada.post(EDIT, posted(ada, EDIT, full_name="Janet"))
    ada.post(f"/users/delete/{REBORN}")
    for name, posted_fields in (
        ("jdoe", {"field": ["full_name", "roles"]}),
        (REBORN, {"password": PASSWORD, "confirm_password": PASSWORD}),
    ):
        shown = last(node, name)
        url = f"/audit/restore/{shown.id}"
        state = state_of(ada, url)
        more = {"roles": (["superuser"], shown.changes.get("roles", (None, ["viewer", "editor"]))[1])}
        forged = replace(shown, changes={**shown.changes, **more}, stage="intent", moment=shown.moment - timedelta(seconds=1))
        ((create, document),) = [forged.operations()]
        node.elastic.index(index=create["create"]["_index"], id=f"{shown.id}-forged", document=document, refresh=True)
        assert "superuser" in text(ada, url)
        assert ada.post(url, {**posted_fields, "state": state}).status_code in (409, 422)
    assert differs(node, roles=["viewer", "editor"]) == {}
    assert node.user(REBORN) is None


def test_values_that_another_program_wrote(node: TestNode, signed_in: SignIn) -> None:
    node.put_user("jdoe", **STORED)
    ada = signed_in("ada")
    ada.post("/users/deactivate/jdoe")
    event = last(node)

    def page(**fields: Any) -> str:
        forged = replace(event, id=uuid.uuid4().hex, stage="single", outcome="success", **fields)
        node.elastic.index(index=event.index, id=forged.id, document=forged.document(), refresh=True)
        try:
            text(ada, "/users/history/jdoe")
            return text(ada, f"/audit/restore/{forged.id}")
        finally:
            node.elastic.delete(index=event.index, id=forged.id, refresh=True)

    for metadata in ("no JSON", "[]", "[" * 2000):
        assert NOT_RECORDED in page(action="user-update", changes={"metadata": (metadata, None)})
    complete = {"roles": (["viewer"], None), "enabled": (True, None)}
    assert "restoreButton" not in page(action="user-delete", target="nobody", changes={**complete, "nope": ("x", None)})
