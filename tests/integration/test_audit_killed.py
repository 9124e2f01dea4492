"""Every changing path, its process killed with SIGKILL between intent and change, and between change and outcome.

A child process makes the change on the real node, and kills itself when it is about to make the call after which nothing
follows. Then the trail, and a look at the node, must tell the truth.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from elastic_transport import Transport

from accounts.services import audit, passwords, users
from accounts.services.audit import reading
from accounts.services.client import PersonClient
from accounts.services.documents import locks
from accounts.services.users import User, outcomes
from local_cluster.cluster import basic
from tests.support.cast import PASSWORD
from tests.support.forms import posted
from tests.support.nodes import TestNode, one_version
from tests.support.traces import trail

pytestmark = one_version

NEW = "another-password"
JANE = User("jane", "Jane", "", ("viewer",))
JANET = User("jane", "Janet", "jane@example.org", ("editor",))
PATHS: dict[str, Callable[[PersonClient], object]] = {
    "user-create": lambda ada: users.create(ada, JANE, PASSWORD),
    "user-update": lambda ada: users.update(ada, JANE, JANET),
    "user-enable": lambda ada: users.enable(ada, "jane"),
    "user-disable": lambda ada: users.disable(ada, "jane"),
    "user-delete": lambda ada: users.delete(ada, "jane"),
    "password-change": lambda ada: passwords.change(ada, "jane", NEW),
}
# What no call may do any more: the change itself, or the outcome, which is the second `_bulk`.
MOMENTS = {"between intent and change": "/_security/", "between change and outcome": "/_bulk"}

CHANGES = ("/_security/user/", "/_security/api_key")


def dies(node: tuple[str, str], run: Callable[[], object], moment: str) -> None:
    """Run in a process of its own, and be killed just before the call that belongs to the moment."""
    settings.ELASTICSEARCH_HOSTS, settings.ELASTICSEARCH_API_KEY = [node[0]], node[1]
    perform = Transport.perform_request
    bulks = 0

    def deadly(transport: Transport, method: str, target: str, **options: Any) -> Any:
        nonlocal bulks
        bulks += target.startswith("/_bulk")
        is_change = method != "GET" and target.startswith(CHANGES) and "_has_privileges" not in target
        if bulks == 2 or (bulks == 1 and is_change and MOMENTS[moment] == "/_security/"):
            os.kill(os.getpid(), signal.SIGKILL)
        return perform(transport, method, target, **options)

    Transport.perform_request = deadly  # type: ignore[method-assign, assignment]
    run()


def kill(node: TestNode, moment: str, run: Callable[[], object]) -> None:
    child = multiprocessing.get_context("fork").Process(target=dies, args=((node.url, node.api_key), run, moment))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL


@pytest.fixture
def ada(person: Callable[[str], PersonClient]) -> PersonClient:
    return person("ada")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("action", PATHS)
def test_unknown_outcome_can_be_verified(
    node: TestNode, ada: PersonClient, monkeypatch: pytest.MonkeyPatch, action: str, moment: str
) -> None:
    if action != "user-create":
        node.put_user("jane", full_name="Jane", roles=["viewer"], enabled=action != "user-enable")
    before = node.user("jane")
    with monkeypatch.context() as patch:
        patch.setattr(locks, "LIFETIME", locks.LIFETIME * 0)  # the next test may save jane at once
        kill(node, moment, lambda: PATHS[action](ada))
    was_done = moment == "between change and outcome"

    event = trail(node, target="jane", action=action)[-1]
    assert event.outcome == ""  # a moment ago it may still be on its way
    monkeypatch.setattr(reading, "OUTCOME_TIMEOUT", reading.OUTCOME_TIMEOUT * 0)
    assert event.id in {unknown.id for unknown in audit.search(audit.Query(outcome="unknown", target="jane")).events}

    if action == "password-change":
        assert outcomes.verify_outcome(ada, event.id).outcome == "unknown"
        passwords.verify_outcome(ada, event.id, NEW if was_done else PASSWORD, is_new=was_done)
        assert node.signs_in("jane", NEW) is was_done
    else:
        outcomes.verify_outcome(ada, event.id)
        assert (node.user("jane") != before) is was_done
    trail(node)
    told = audit.get(event.id)
    assert (told.outcome, told.stage) == ("success" if was_done else "failure", "verified")
    assert told.id not in {unknown.id for unknown in audit.search(audit.Query(outcome="unknown", target="jane")).events}


def edited(ada: Client) -> object:
    return ada.post("/users/edit/jane", posted(ada, "/users/edit/jane", full_name="Janet"))


PAGES: dict[str, Callable[[Client], object]] = {
    "user-create": lambda ada: ada.post("/users/create", {"username": "jane", "password": NEW, "confirm_password": NEW}),
    "user-update": edited,
    "user-enable": lambda ada: ada.post("/users/activate/jane"),
    "user-disable": lambda ada: ada.post("/users/deactivate/jane"),
    "user-delete": lambda ada: ada.post("/users/delete/jane"),
    "password-change": lambda ada: ada.post("/users/change-password/jane", {"password": NEW, "confirm_password": NEW}),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("action", PAGES)
def test_every_page_that_changes_a_user(
    node: TestNode, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, action: str, moment: str
) -> None:
    monkeypatch.setattr(locks, "LIFETIME", locks.LIFETIME * 0)
    if action != "user-create":
        node.put_user("jane", full_name="Jane", roles=["viewer"], enabled=action != "user-enable")
    before, client = node.user("jane"), signed_in("ada")

    kill(node, moment, lambda: PAGES[action](client))

    event = trail(node, target="jane", action=action)[-1]
    assert (event.actor.username, event.outcome, bool(event.session)) == ("ada", "", True)
    was_done = moment == "between change and outcome"
    if action == "password-change":
        assert node.signs_in("jane", NEW) is was_done
    else:
        assert (node.user("jane") != before) is was_done


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
def test_the_command_that_resets_passwords(
    node: TestNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, many: bool, moment: str
) -> None:
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", node.elastic_password)
    node.put_user("jane")
    (tmp_path / "names").write_text("jane\n")
    names = ["--from", str(tmp_path / "names")] if many else ["--username", "jane"]

    kill(node, moment, lambda: call_command("reset_password", *names, "--batch"))

    event = trail(node, target="jane", action="password-change")[-1]
    assert (event.actor.username, event.actor.command, event.outcome) == ("elastic", "reset_password", "")
    assert node.signs_in("jane", PASSWORD) is (moment == "between intent and change")


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_bulk_delete_records_its_progress(
    node: TestNode, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    client = signed_in("ada")
    node.put_user("first")
    node.put_user("second")

    kill(node, moment, lambda: client.post("/users/delete", {"username": ["first", "second"]}))

    assert [event.action for event in trail(node, target="first")[-1:]] == ["user-delete"]
    assert trail(node, target="first")[-1].outcome == ""
    assert not [event for event in trail(node, target="second") if event.action == "user-delete"]
    assert node.usernames() & {"first", "second"} == ({"second"} if moment == "between change and outcome" else {"first", "second"})
    assert trail(node, target="first")[-1].session


@pytest.mark.parametrize("moment", MOMENTS)
def test_own_password(node: TestNode, signed_in: Callable[..., Client], moment: str) -> None:
    node.put_user("self")
    client = signed_in("self")
    form = {"current_password": PASSWORD, "password": NEW, "confirm_password": NEW}

    kill(node, moment, lambda: client.post("/account/change-password", form))

    event = trail(node, target="self", action="password-change")[-1]
    assert (event.actor.username, event.outcome) == ("self", "")
    assert node.signs_in("self", NEW) is (moment == "between change and outcome")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_revoked_api_key(node: TestNode, signed_in: Callable[..., Client], moment: str) -> None:
    owner = f"keeper {moment}"  # keys outlive their owner
    node.put_user(owner, roles=["superuser"])
    key = node.elastic.options(basic_auth=basic(owner, PASSWORD)).security.create_api_key(name="cron", refresh=True)["id"]
    client = signed_in("ada")

    kill(node, moment, lambda: client.post(reverse("user_revoke_api_keys", args=[owner]), {"id": key, "reason": "unused"}))

    event = trail(node, target=key, action="api-key-invalidate")[-1]
    assert (event.actor.username, event.outcome) == ("ada", "")
    [found] = node.elastic.security.get_api_key(id=key)["api_keys"]
    assert found["invalidated"] is (moment == "between change and outcome")
