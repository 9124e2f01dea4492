"""An auditor sees the same pages without anything that changes, and a forged request gets nowhere."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.urls import urlpatterns
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode

# What changes nothing of users, and is not for administrators alone: one's own account; reading, whose record is not theirs.
OWN = {
    "login",
    "logout",
    "theme",
    "account_change_password",
    "account_revoke_api_keys",
    "account_session_end",
    "account_sessions_end",
    "session_extend",
    "password_strength",
}
READING = {"user_export", "compare_exports", "findings_run", "findings_resume"}
REVIEWING = {"review_create", "review_decide", "review_job", "review_sign_off"}
FORGED = {
    "username": "new",
    "full_name": "Forged",
    "email": "",
    "password": PASSWORD,
    "confirm_password": PASSWORD,
    "roles": ["superuser"],
    "seen": '{"full_name": "", "email": "", "roles": ["viewer"], "enabled": true}',
}


@pytest.fixture
def otto(node: TestNode, signed_in: Callable[..., Client]) -> Client:
    node.put_user("jdoe", roles=["viewer"])
    return signed_in("otto")


def changing_urls() -> list[str]:
    """Every address that takes a POST, of every user there may be a difference between."""
    return [
        reverse(str(pattern.name), args=[name] if "<" in str(pattern.pattern) else [])
        for pattern in urlpatterns
        if pattern.name not in OWN | READING | REVIEWING
        for name in ("jdoe", "elastic", "kibana_system")
    ]


def test_every_forged_post_is_refused_and_the_node_received_no_write(node: TestNode, otto: Client) -> None:
    before, writes = node.user("jdoe"), node.writes()
    answers = {
        url: otto.post(url, {**FORGED, "username": ["jdoe"] if url == "/users/delete" else "new"}) for url in changing_urls()
    }
    accepting = {url: answer.status_code for url, answer in answers.items() if "POST" in answer.get("Allow", "POST")}
    assert accepting == dict.fromkeys(accepting, 403), "every view that accepts POST denies it"
    assert len(accepting) > 20
    assert node.writes() == writes
    assert (node.user("jdoe"), node.user("new")) == (before, None)


@pytest.mark.parametrize("url", ["/users/", "/users/edit/jdoe", "/users/edit/elastic"])
def test_the_pages_hold_nothing_that_changes(otto: Client, url: str) -> None:
    page = otto.get(url).content.decode()
    assert "jdoe" in page or "elastic" in page
    for hook in (
        "createUserButton",
        "deleteUserButton",
        "checkboxSelectRow",
        "ChangePasswordButton",
        "DisableUserButton",
        "DeleteUserButton",
    ):
        assert hook not in page
    assert "Update user" not in page
    assert "/users/create" not in page


def test_an_auditor_reads_what_an_administrator_reads(node: TestNode, otto: Client) -> None:
    node.put_user("jdoe", full_name="Jane", email="jane@example.org", roles=["viewer", "nope"], enabled=False)
    page = otto.get("/users/edit/jdoe").content.decode()
    for part in ("Jane", "jane@example.org", "viewer", "nope", "This user has been deactivated"):
        assert part in page
