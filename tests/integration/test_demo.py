"""The demo's story on a node: each page that a newcomer opens has something to show."""

from collections.abc import Iterator
from typing import cast

import pytest
from django.conf import settings
from django.test import override_settings
from pytest_django import Settings

from accounts.services import api_keys, audit, findings, reviews, roles, sessions
from accounts.services.api_keys import Owner
from accounts.services.client import PersonClient
from accounts.services.users import User
from demo import story
from demo.people import ADMINISTRATOR, AUDITOR, COLLEAGUE, LEAVERS, SAMPLE_USERS
from local_cluster import available_versions
from tests.support.cast import PASSWORD
from tests.support.nodes import Nodes, TestNode

# Findings that cannot be shown honestly; none so far.
NOT_SHOWN = {
    *("anonymous-access", "anonymous-changes", "keys-of-missing-realms"),  # settings of the node
    *("old-keys", "old-passwords"),  # time
    "unreadable-end-dates",
}


@pytest.fixture(scope="module", params=available_versions()[:1])
def node(request: pytest.FixtureRequest, nodes: Nodes) -> Iterator[TestNode]:
    """A node in which the story was told, once for all tests: they only look at it."""
    with override_settings():
        node = nodes.get(request.param, cast(Settings, settings))
        story.tell({"elastic": node.elastic_password, "admin": PASSWORD, "auditor": PASSWORD, "people": PASSWORD})
        node.elastic.indices.refresh(index="usermgmt-*", expand_wildcards="all")
        yield node


@pytest.fixture
def auditor(node: TestNode) -> PersonClient:
    return PersonClient(AUDITOR.username, PASSWORD)


def events(**query: str) -> list[audit.Event]:
    return list(audit.search(audit.Query(**query, size=1000)).events)  # type: ignore[arg-type]


def test_users_are_in_the_end_what_the_sample_says(node: TestNode) -> None:
    for person in (*SAMPLE_USERS, ADMINISTRATOR, COLLEAGUE, AUDITOR):
        user = node.user(person.username)
        assert user, person.username
        assert (user["full_name"], user["email"], tuple(user["roles"])) == (person.full_name, person.email, person.roles)
        assert (user["enabled"], user["metadata"]) == (person.enabled, person.metadata)
        assert not person.enabled or node.signs_in(person.username, PASSWORD)
    assert not node.usernames() & {person.username for person in LEAVERS}


def test_deprecated_and_nonexistent_roles(auditor: PersonClient) -> None:
    known = roles.by_name(auditor, [role for person in SAMPLE_USERS for role in person.roles])
    assert any(role.is_deprecated for role in known.values())
    assert any(role.is_unknown for role in known.values())


def test_sample_users_have_a_history(node: TestNode) -> None:
    moments = audit.activity_of([person.username for person in SAMPLE_USERS])
    assert all(moments[person.username].created for person in SAMPLE_USERS)
    assert sum(1 for known in moments.values() if known.last_sign_in) >= 5
    assert any(known.password_changed != known.created for known in moments.values())


def test_sample_audit_trail_has_all_actions(node: TestNode) -> None:
    told = events()
    assert {"elastic", "admin", "nadia.benali", "auditor"} <= {event.actor.username for event in told}
    assert {event.actor.username for event in told if event.action == "user-create"} == {"elastic", "admin", "nadia.benali"}
    assert {
        *("user-create", "user-update", "user-enable", "user-disable", "user-delete", "password-change"),
        *("sign-in", "sign-out", "session-end", "access-denied", "api-key-invalidate", "export", "finding-run"),
        *("review-create", "review-snapshot", "review-decide", "review-sign-off"),
    } <= {event.action for event in told}
    assert all(event.source and event.session for event in told if event.action.startswith("user-"))
    assert {event.actor.username for event in told if event.actor.username and not event.actor.realm} <= {"admin", "leila.haddad"}


def test_partial_failure_and_unknown_outcome(node: TestNode) -> None:
    failures = {(event.action, event.actor.username) for event in events(outcome="failure")}
    assert {("sign-in", "leila.haddad"), ("access-denied", "auditor"), ("access-denied", "priya.raghunathan")} <= failures
    assert [(event.action, event.target) for event in events(outcome="unknown")] == [("user-update", "noah.cohen")]


def test_every_sample_finding_has_rows(node: TestNode) -> None:
    newest, before = [findings.get(run.id) for run in findings.history()]
    assert newest.finished
    assert before.finished
    assert newest.started_by != before.started_by
    assert {finding.slug for finding in findings.CATALOGUE if not newest.count(finding.slug)} == NOT_SHOWN
    assert newest.count("new:orphaned-keys") == 2
    for slug in ("orphaned-keys", "unknown-roles", "unseen"):
        assert newest.count(f"resolved:{slug}"), slug


def test_sample_api_keys_have_all_states(auditor: PersonClient) -> None:
    begin = min(event.moment for event in events())  # keys of an earlier telling on this node are revoked, and stay for days

    def states(owner: str) -> dict[str, tuple[str, bool]]:
        keys = api_keys.of_user(auditor, User(owner)).keys
        return {key.name: (key.state, key.expires is not None) for key in keys if key.created > begin}

    assert sorted(states("log-shipper-eu").values()) == [("Active", False), ("Active", True), ("Expired", True), ("Revoked", False)]
    for owner in ("viktor.hansen", "mehmet.yilmaz"):  # deleted, deactivated
        assert [key.state for key in api_keys.active(auditor, Owner.of(User(owner))).keys] == ["Active"]
    assert states("kwame.mensah") == {"sales dashboard": ("Revoked", False)}


def test_a_review_is_half_done(node: TestNode) -> None:
    [review] = reviews.all_reviews("open")
    progress = reviews.progress([review.id])[review.id]
    assert progress.pending > 10
    assert min(progress.counts.values()) > 0
    marks = [item.decision for item in reviews.all_items(review.id) if item.decision]
    assert {mark.by for mark in marks} == {"auditor", "nadia.benali"}
    assert any(mark.comment for mark in marks)
    assert review.due
    assert not review.is_overdue


def test_signed_review_with_one_removal(auditor: PersonClient) -> None:
    [review] = [review for review in reviews.all_reviews() if review.sign_off]
    assert reviews.verify(review).state == "verified"
    assert {item.decision.by for item in reviews.all_items(review.id) if item.decision} == {"auditor", "nadia.benali"}
    removals = {one.item.identity: one.state for one in reviews.outcomes_by_decision(auditor, review, "remove")}
    assert removals == {"kwame.mensah": "Deactivated", "mateus.goncalves": "Active", "sandra.keller": "Deleted"}
    assert [one.is_done for one in reviews.outcomes_by_decision(auditor, review, "change")] == [False]


def test_sample_sessions_have_many_users_and_browsers(node: TestNode) -> None:
    living = sessions.active_sessions()
    assert len({session.username for session in living}) >= 7
    assert len({session.browser for session in living}) >= 4
    assert all(" on " in session.browser for session in living)
