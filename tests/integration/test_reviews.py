"""Access reviews, through the services, on a real node: snapshot, decisions of several reviewers, sign-off, removals."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from accounts.services import audit, errors, reviews, users
from accounts.services.client import PersonClient
from accounts.services.documents import indices
from accounts.services.request_context import Actor
from accounts.services.reviews import Review, remediation, store
from accounts.services.users import User, UserQuery
from tests.support.nodes import TestNode
from tests.support.reviews import decide, sign_off, start_review

PEOPLE = UserQuery(q="person", kind="native")
FILTER = "username, full name, email address, or role contains “person”, without reserved users, sorted by username (ascending)"


@pytest.fixture
def team(person: Callable[[str], PersonClient]) -> tuple[PersonClient, PersonClient]:
    """The administrator and the auditor, as the trail knows them."""
    both = []
    for name in ("ada", "otto"):
        both.append(person(name))
        both[-1].actor = Actor(name, "default_native", "native")
    return both[0], both[1]


def people(node: TestNode, count: int) -> list[str]:
    names = [f"person-{number:03}" for number in range(count)]
    for name in names:
        node.put_user(name, roles=["viewer"])
    return names


def everything(review: Review) -> list[reviews.Item]:
    store.refresh()
    return list(reviews.all_items(review.id))


def actions(node: TestNode, review: Review) -> list[str]:
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    return [event.action for event in reversed(audit.of_target("review", review.id).events)]


def test_snapshot_in_batches_with_manifest(
    node: TestNode, team: tuple[PersonClient, PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BATCH_SIZE", 3)
    names, (_, otto) = people(node, 7), team
    review = reviews.start(otto, PEOPLE, "Quarter")
    assert reviews.create_snapshot(otto, review.id) == reviews.JobProgress(3, 7, is_over=False)
    node.elastic.security.put_user(username=names[0], roles=["editor"], metadata={})  # it is taken down already
    review = snapshot_of(otto, review)

    items = everything(review)
    assert [item.identity for item in items] == names
    assert items[0].row["roles"] == ["viewer"]
    block = review.snapshot
    assert block
    assert (block.rows, block.total, block.by, block.filter) == (7, 7, "otto", FILTER)
    assert block.cluster_id == node.elastic.cluster.state(metric="version")["cluster_uuid"]
    assert block.sha256 == hashlib.sha256(b"".join(item.row_line() for item in items)).hexdigest()
    assert actions(node, review) == ["review-create", "review-snapshot"]


def snapshot_of(client: PersonClient, review: Review) -> Review:
    while not reviews.create_snapshot(client, review.id).is_over:
        pass
    return reviews.get(review.id)


def test_concurrent_snapshots_have_each_user_once(
    node: TestNode, team: tuple[PersonClient, PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BATCH_SIZE", 4)
    names, (ada, otto) = people(node, 10), team
    review = reviews.start(otto, PEOPLE, "Quarter")
    reviews.create_snapshot(otto, review.id)
    # A process that died after it had written half of its portion.
    store.put_many([replace(everything(review)[0], number=number, row={"username": names[number - 1]}) for number in (5, 6)])
    threads = [threading.Thread(target=snapshot_of, args=(each, review)) for each in (ada, otto)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    review = snapshot_of(otto, review)
    assert review.state == "open"
    assert [item.identity for item in everything(review)] == names


def test_the_whole_list_has_the_reserved_users_too(node: TestNode, team: tuple[PersonClient, PersonClient]) -> None:
    review = start_review(team[1], UserQuery())
    items = {item.identity: item for item in everything(review)}
    assert items.keys() == node.usernames() | set(users.RESERVED_USERNAMES)
    assert (items["ada"].row["can_manage_users"], items["otto"].row["can_manage_users"]) == (True, False)
    assert items["kibana"].row["deprecated"]
    assert review.snapshot
    assert review.snapshot.is_complete


def test_active_keys_are_counted(node: TestNode, team: tuple[PersonClient, PersonClient]) -> None:
    ada, otto = team
    ended = ada.create_api_key(name="ended", refresh=True)["id"]
    ada.create_api_key(name="lives", refresh=True)
    ada.invalidate_api_key(ids=[ended], owner=True)
    item = next(item for item in everything(start_review(otto, UserQuery(q="ada"))) if item.identity == "ada")
    assert item.row["active_api_keys"] == 1
    ada.invalidate_api_key(owner=True)


def test_decision_conflict_must_be_confirmed(node: TestNode, team: tuple[PersonClient, PersonClient]) -> None:
    people(node, 2)
    ada, otto = team
    review = start_review(otto, PEOPLE)
    seen = [item.seen for item in everything(review)]
    reviews.decide(ada, review.id, 1, "keep", "", seen[0])
    with pytest.raises(errors.DecisionConflict):
        reviews.decide(otto, review.id, 1, "remove", "has left", seen[0])
    item = reviews.get_with_items(review.id, [1])[1][0]
    assert item.decision
    assert (item.decision.choice, item.decision.by) == ("keep", "ada")
    reviews.decide(otto, review.id, 1, "remove", "has left", item.seen)  # having seen it
    reviews.decide(otto, review.id, 1, "remove", "has left", seen[0])  # sent twice, because the first answer was lost
    reviews.decide(otto, review.id, 2, "keep", "", seen[1])
    assert [(item.decision.choice, item.decision.comment, item.decision.by) for item in everything(review) if item.decision] == [
        ("remove", "has left", "otto"),
        ("keep", "", "otto"),
    ]
    assert actions(node, review)[2:] == ["review-decide"] * 3


def test_concurrent_decisions(node: TestNode, team: tuple[PersonClient, PersonClient]) -> None:
    names = people(node, 12)
    review = start_review(team[1], PEOPLE)
    threads = [threading.Thread(target=decide, args=(team[number % 2], review, number + 1, "keep")) for number in range(len(names))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [item.decision and item.decision.by for item in everything(review)] == ["ada", "otto"] * 6
    assert reviews.progress([review.id])[review.id] == reviews.Progress(12, 12)


def test_sign_off_requires_and_locks_all_decisions(node: TestNode, team: tuple[PersonClient, PersonClient]) -> None:
    people(node, 3)
    ada, otto = team
    review = start_review(otto, PEOPLE)
    decide(ada, review, 1, "keep")
    decide(otto, review, 2, "change", "no editor")
    with pytest.raises(errors.ReviewIncomplete) as incomplete:
        reviews.begin_sign_off(otto, review.id)
    assert incomplete.value.pending == 1
    decide(otto, review, 3, "remove")

    seen = everything(review)[0]
    reviews.begin_sign_off(otto, review.id)
    with pytest.raises(errors.ReviewClosed):
        reviews.lock_decisions(ada, review.id)
    review = sign_off(otto, review)
    for change in (lambda: decide(ada, review, 1, "remove"), lambda: reviews.begin_sign_off(ada, review.id)):
        with pytest.raises(errors.ReviewClosed):
            change()
    with pytest.raises(errors.Conflict):  # a mark that was on its way past the check of the state
        store.put(seen.with_decision(seen.decision))  # type: ignore[arg-type]
    assert review.sign_off
    assert review.sign_off.counts == {"keep": 1, "change": 1, "remove": 1}
    actions(node, review)
    assert reviews.verify(review).state == "verified"


@pytest.fixture
def signed(node: TestNode, team: tuple[PersonClient, PersonClient]) -> Review:
    """A signed-off review of one user, who is to be removed."""
    people(node, 1)
    review = start_review(team[1], PEOPLE)
    decide(team[1], review, 1, "remove")
    return sign_off(team[1], review)


def test_modified_report_is_detected(node: TestNode, team: tuple[PersonClient, PersonClient], signed: Review) -> None:
    otto, review = team[1], signed
    actions(node, review)
    assert reviews.verify(review).state == "verified"

    forged = everything(review)[0]
    assert forged.decision
    store.put(forged.with_decision(replace(forged.decision, choice="keep")))
    assert reviews.verify(review).state == "modified"
    # Even with a hash that fits, and a second record of it: the first one cannot be taken away.
    sha256 = hashlib.sha256(everything(review)[0].decision_line()).hexdigest()
    with audit.recorded(otto, audit.Action.REVIEW_SIGN_OFF, review.id, kind="review", changes={"sha256": (None, sha256)}):
        pass
    actions(node, review)
    assert review.sign_off
    assert reviews.verify(replace(review, sign_off=replace(review.sign_off, sha256=sha256))).state == "modified"


def test_a_second_sign_off_without_hash_is_detected(
    node: TestNode, team: tuple[PersonClient, PersonClient], signed: Review
) -> None:
    with audit.recorded(team[1], audit.Action.REVIEW_SIGN_OFF, signed.id, kind="review"):
        pass
    actions(node, signed)
    assert reviews.verify(signed).state == "modified"


def nothing_against_it(user: User) -> str:
    return "It is done already." if not user.enabled else ""


def test_removals_are_applied_once_and_recorded(
    node: TestNode, team: tuple[PersonClient, PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remediation, "BATCH_SIZE", 2)
    names, (ada, otto) = people(node, 4), team
    review = start_review(otto, PEOPLE)
    for number, decision in enumerate(("remove", "keep", "remove", "remove"), start=1):
        decide(otto, review, number, decision)  # type: ignore[arg-type]
    with pytest.raises(errors.ReviewClosed):
        reviews.apply_removals(ada, review.id, "delete", nothing_against_it, "")
    review = sign_off(otto, review)
    node.elastic.security.delete_user(username=names[3])  # elsewhere
    confirmed = reviews.digest(reviews.to_remove(review))
    assert reviews.apply_removals(otto, review.id, "delete", nothing_against_it, confirmed).failed == 2  # the cluster refuses each

    threads = [
        threading.Thread(target=reviews.apply_removals, args=(ada, review.id, "deactivate", nothing_against_it, confirmed))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reviews.apply_removals(ada, review.id, "deactivate", nothing_against_it, confirmed).is_over
    actions(node, review)
    gone = reviews.outcomes_by_decision(ada, review, "remove")
    assert [(one.item.identity, one.state, one.is_done) for one in gone] == [
        (names[0], "Deactivated", True),
        (names[2], "Deactivated", True),
        (names[3], "Deleted", True),
    ]
    done = [[(event.action, event.actor.username) for event in one.events if event.outcome == "success"] for one in gone]
    assert done == [[("user-disable", "ada")], [("user-disable", "ada")], []]
    assert (node.user(names[1]) or {})["enabled"]


def test_each_batch_of_removals_reads_only_its_own_items(
    node: TestNode, team: tuple[PersonClient, PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice as many removals read twice as many items, not four times. Also after an interruption."""
    monkeypatch.setattr(remediation, "BATCH_SIZE", 1)
    monkeypatch.setattr(remediation, "PART_SIZE", 3)
    (ada, otto), read, items = team, Counter[str](), store.items

    def counted(review_id: str, query: reviews.ItemQuery) -> list[reviews.Item]:
        found = items(review_id, query)
        read[review_id] += len(found)
        return found

    def items_read(count: int) -> int:
        people(node, count)
        review = start_review(otto, PEOPLE)
        for number in range(1, count + 1):
            decide(otto, review, number, "remove")
        review = sign_off(otto, review)
        confirmed, done = reviews.digest(reviews.to_remove(review)), reviews.JobProgress(0, count, is_over=False)
        with monkeypatch.context() as patch:
            patch.setattr(store, "items", counted)
            while not done.is_over:
                done = reviews.apply_removals(ada, review.id, "delete", nothing_against_it, confirmed, done.after)
        assert (done.done, [name for name in node.usernames() if name.startswith("person")]) == (count, [])
        return read[review.id]

    assert items_read(16) <= 2 * items_read(8) + 2 * remediation.PART_SIZE


def test_items_that_are_altered_after_the_first_batch(
    node: TestNode, team: tuple[PersonClient, PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removals stop at one that was confirmed and isn't to be removed anymore; another one isn't removed."""
    monkeypatch.setattr(remediation, "BATCH_SIZE", 2)
    monkeypatch.setattr(remediation, "PART_SIZE", 2)
    names, (ada, otto) = people(node, 7), team
    review = start_review(otto, PEOPLE)
    for number in range(1, 8):
        decide(otto, review, number, "remove" if number < 7 else "keep")
    review = sign_off(otto, review)
    confirmed = reviews.digest(reviews.to_remove(review))

    def advance(after: int) -> reviews.JobProgress:
        return reviews.apply_removals(ada, review.id, "deactivate", nothing_against_it, confirmed, after)

    def alter(number: int, choice: reviews.Decision) -> None:
        item = reviews.get_with_items(review.id, [number])[1][0]
        assert item.decision
        store.put(item.with_decision(replace(item.decision, choice=choice)))

    assert advance(0).after == 2
    alter(7, "remove")
    with pytest.raises(errors.Conflict):
        advance(0)
    assert advance(2).after == 4
    alter(6, "keep")
    with pytest.raises(errors.Conflict):
        advance(4)
    alter(6, "remove")
    assert advance(4).is_over
    assert [(node.user(name) or {})["enabled"] for name in names] == [*[False] * 6, True]


def test_snapshot_batch_takes_few_calls(node: TestNode, team: tuple[PersonClient, PersonClient], calls: list[str]) -> None:
    people(node, 5)
    review = reviews.start(team[1], PEOPLE, "Quarter")
    calls.clear()
    reviews.create_snapshot(team[1], review.id)
    assert len(calls) <= 14, calls  # one of them for each realm that has API keys, of which other tests leave some
