"""What usermgmt stores, from a snapshot, as docs/operate.md describes it."""

from collections.abc import Callable

from django.test import Client

from accounts.services import audit, reviews, users
from accounts.services.client import PersonClient
from accounts.services.users import User, UserQuery
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.reviews import decide, sign_off, start_review


def test_restored_from_a_snapshot(node: TestNode, signed_in: Callable[..., Client], person: Callable[[str], PersonClient]) -> None:
    """Trail, reviews, and sessions are as they were, and go on."""
    ada, otto, browser = person("ada"), person("otto"), signed_in("ada")
    users.create(ada, User("jdoe"), PASSWORD)
    review = start_review(otto, UserQuery(q="jdoe", kind="native"))
    decide(otto, review, 1, "keep")
    signed = sign_off(otto, review)
    node.elastic.indices.refresh(index="usermgmt-*", expand_wildcards="all")
    before = audit.search(audit.Query(size=100)).events
    node.elastic.snapshot.create_repository(name="backup", repository={"type": "fs", "settings": {"location": "backup"}})
    try:
        node.elastic.snapshot.create(
            repository="backup", snapshot="one", indices="usermgmt-*", include_global_state=False, wait_for_completion=True
        )
        users.delete(ada, "jdoe")
        node.delete_indices()
        node.elastic.snapshot.restore(
            repository="backup", snapshot="one", indices="usermgmt-*", include_global_state=False, wait_for_completion=True
        )
    finally:
        node.elastic.options(ignore_status=404).snapshot.delete(repository="backup", snapshot="one")
        node.elastic.snapshot.delete_repository(name="backup")
    assert audit.search(audit.Query(size=100)).events == before
    assert reviews.verify(signed).state == "verified"
    assert browser.get("/users/").status_code == 200
    users.create(ada, User("jdoe"), PASSWORD)
    node.elastic.indices.refresh(index="usermgmt-*", expand_wildcards="all")
    assert len(audit.search(audit.Query(size=100)).events) == len(before) + 1
