"""An access review that ends without a sign-off, and one with damaged items, which can't end otherwise."""

import html
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.services import audit, compare, errors, offboarding, reviews
from accounts.services.client import PersonClient
from accounts.services.documents import indices
from accounts.services.reviews import Review, store
from accounts.services.reviews.records import item_id
from accounts.services.users import UserQuery
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode, one_version
from tests.support.reviews import decide, sign_off, start_review

pytestmark = one_version

PEOPLE = UserQuery(q="person", kind="native")
REASON = "Nobody needs it: <the list> was the wrong one."


@pytest.fixture
def review(node: TestNode, otto: PersonClient) -> Review:
    """An open one of three users, for which otto and ada are asked."""
    for number in range(3):
        node.put_user(f"person-{number}", roles=["viewer"])
    return start_review(otto, PEOPLE, ["otto", "ada"])


def events(node: TestNode, review: Review) -> list[audit.Event]:
    """Of its cancellation, the newest first."""
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    return list(audit.search(audit.Query(kind="review", target=review.id, action=audit.Action.REVIEW_CANCEL)).events)


def damage(node: TestNode, review: Review, item: int, **fields: Any) -> str:
    """The ID of the item, of which another program changes fields; None removes one."""
    id = item_id(review.id, item)
    source = {**node.elastic.get(index=indices.REVIEWS, id=id)["_source"], **fields}
    document = {name: value for name, value in source.items() if value is not None}
    node.elastic.index(index=indices.REVIEWS, id=id, document=document, refresh=True)
    return id


def text(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url, follow=True)
    assert response.status_code == status, url
    return html.unescape(response.getvalue().decode())


def test_a_reason_is_required(review: Review, signed_in: Callable[..., Client]) -> None:
    otto, url = signed_in("otto"), f"/reviews/cancel/{review.id}"
    assert f'href="{url}"' in text(otto, f"/reviews/view/{review.id}")
    assert "0 of 3 users have a decision" in text(otto, url)
    for reason, problem in (("  ", "Enter a reason."), ("x" * 1001, "at most 1000 characters")):
        response = otto.post(url, {"reason": reason})
        page = response.content.decode()
        assert (response.status_code, problem in page.partition("field--invalid")[2]) == (422, True)
        assert reason.strip() in page
    assert reviews.get(review.id).state == "open"


def test_it_is_ended_for_everyone(node: TestNode, review: Review, otto: PersonClient, signed_in: Callable[..., Client]) -> None:
    decide(otto, review, 1, "remove", "has left")
    browser = signed_in("otto")
    reviews.refresh()
    assert b"Quarter" in browser.get("/reviews/due").content
    assert [each.id for each in offboarding.remains(otto, "ada", None).reviews or []] == [review.id]
    page = browser.post(f"/reviews/cancel/{review.id}", {"reason": REASON}, follow=True)
    assert page.redirect_chain[-1][0] == f"/reviews/report/{review.id}"

    shown = html.unescape(page.content.decode())
    canceled = reviews.get(review.id)
    assert canceled.cancellation
    assert (canceled.state, canceled.cancellation.by, canceled.cancellation.reason) == ("canceled", "otto", REASON)
    assert f"Canceled on {canceled.cancellation.moment:%Y-%m-%d %H:%M} UTC by otto" in shown
    assert REASON in shown
    assert "canceled, not signed off, so its decisions prove nothing" in shown
    assert "has left" in shown
    assert "draft" not in shown
    assert "Continue review" not in shown
    assert "reviewCheck" not in shown
    card = text(browser, "/reviews/").partition(review.id)[2].partition("</li>")[0]
    assert "Canceled</span>" in card
    assert f"canceled by <bdi>otto</bdi> on {canceled.created:%Y-%m-%d}: <bdi>{REASON}</bdi>" in card
    assert "Overdue" not in card

    [event] = events(node, review)
    assert (event.actor.username, event.outcome, event.id) == ("otto", "success", canceled.cancellation.event)
    assert event.details["stated_reason"] == REASON
    assert event.changes["state"] == ("open", "canceled")
    assert REASON in text(browser, f"/audit/event/{event.id}")

    reviews.refresh()
    assert b"Quarter" not in browser.get("/reviews/due").content
    assert offboarding.remains(otto, "ada", None).reviews == []


def test_nothing_of_it_changes(review: Review, otto: PersonClient, signed_in: Callable[..., Client], node: TestNode) -> None:
    for number in (1, 2, 3):
        decide(otto, review, number, "remove")
    reviews.cancel(otto, review.id, REASON)
    before = {hit["_id"]: hit["_version"] for hit in hits(node, review)}
    ada = signed_in("ada")
    for url, form in (
        ("sign-off", {"password": PASSWORD}),
        ("job", {}),
        ("cancel", {"reason": "another"}),
    ):
        assert ada.post(f"/reviews/{url}/{review.id}", form)["Location"] == f"/reviews/view/{review.id}"
    assert ada.post(f"/reviews/decide/{review.id}", {"number": ["1"], "1-decision": "keep"}).status_code == 409
    for confirmed in ("", reviews.digest(reviews.to_remove(review))):
        form = {"action": "delete", "confirmed": confirmed}
        assert ada.post(f"/reviews/removals/{review.id}", form).status_code == 409
    assert "Canceled on" in text(ada, f"/reviews/removals/{review.id}")
    assert "No users left to delete" in text(ada, f"/reviews/apply-removals/{review.id}?action=delete")
    assert ada.get(f"/reviews/check/{review.id}").status_code == 409
    for change in (
        lambda: reviews.begin_sign_off(otto, review.id),
        lambda: reviews.lock_decisions(otto, review.id),
        lambda: reviews.cancel(otto, review.id, "another"),
        lambda: reviews.apply_removals(otto, review.id, "delete", lambda user: "", ""),
        lambda: reviews.verify(reviews.get(review.id)),
    ):
        with pytest.raises(errors.ReviewClosed):
            change()
    reviews.cancel(otto, review.id, REASON)  # the same form, sent twice
    assert {hit["_id"]: hit["_version"] for hit in hits(node, review)} == before
    assert len(events(node, review)) == 1
    assert node.user("person-0")


def hits(node: TestNode, review: Review) -> list[dict[str, Any]]:
    """The documents of the review."""
    node.elastic.indices.refresh(index=indices.REVIEWS)
    query = {"bool": {"should": [{"term": {"review": review.id}}, {"ids": {"values": [review.id]}}]}}
    found: list[dict[str, Any]] = node.elastic.search(index=indices.REVIEWS, query=query, version=True, size=100)["hits"]["hits"]
    return found


def test_its_download_is_no_proof(review: Review, otto: PersonClient, signed_in: Callable[..., Client]) -> None:
    browser = signed_in("otto")

    def manifest() -> str:
        archive = zipfile.ZipFile(io.BytesIO(browser.get(f"/reviews/download/{review.id}").getvalue()))
        return archive.read("completeness.txt").decode()

    assert "This review isn't signed off. Its decisions can still change." in manifest()
    reviews.cancel(otto, review.id, "wrong\nState: signed")
    block = manifest()
    for line in ("State: canceled", "Canceled by: otto (realm default_native)", "Reason: wrong State: signed"):
        assert f"{line}\n" in block
    assert "This review was canceled, not signed off. Its decisions prove nothing." in block
    assert "How to verify" not in block


def test_compare_says_so(review: Review, otto: PersonClient, signed_in: Callable[..., Client]) -> None:
    other = start_review(otto, PEOPLE)
    url, said = f"/compare/reviews?one={review.id}&other={other.id}", "was canceled, not signed off"
    browser = signed_in("otto")
    reviews.refresh()
    assert said not in text(browser, url)
    reviews.cancel(otto, review.id, REASON)
    reviews.refresh()
    assert said in text(browser, url)
    assert ", users, canceled)" in text(browser, "/compare/")
    assert [each.id for each in compare.of_reviews(review.id, other.id).canceled] == [review.id]


def test_while_the_snapshot_is_created(node: TestNode, otto: PersonClient, signed_in: Callable[..., Client]) -> None:
    node.put_user("person-0")
    review, browser = reviews.start(otto, PEOPLE, "Quarter"), signed_in("otto")
    assert f'href="/reviews/cancel/{review.id}"' in text(browser, f"/reviews/view/{review.id}")
    assert browser.post(f"/reviews/cancel/{review.id}", {"reason": REASON}).status_code == 302
    reviews.refresh()
    assert reviews.create_snapshot(otto, review.id).is_over
    assert not reviews.get(review.id).has_snapshot
    for page in ("view", "report", "download", "cancel"):
        assert REASON in text(browser, f"/reviews/{page}/{review.id}")
    assert review.id not in {each.id for each in compare.with_snapshot()}
    text(browser, "/reviews/")


def test_while_it_is_signed_off(review: Review, otto: PersonClient, person: Callable[[str], PersonClient]) -> None:
    """Whoever isn't first gets the message, and nothing of theirs is stored."""
    for number in (1, 2, 3):
        decide(otto, review, number, "keep")
    reviews.begin_sign_off(otto, review.id)
    reviews.lock_decisions(otto, review.id)
    reviews.cancel(person("ada"), review.id, REASON)
    with pytest.raises(errors.ReviewClosed):
        reviews.lock_decisions(otto, review.id)

    other = start_review(otto, PEOPLE)
    for number in (1, 2, 3):
        decide(otto, other, number, "keep")
    sign_off(otto, other)
    with pytest.raises(errors.ReviewClosed):
        reviews.cancel(person("ada"), other.id, REASON)
    assert reviews.get(other.id).state == "signed"


def at_the_same_time(monkeypatch: pytest.MonkeyPatch, kind: type, change: Callable[[], object]) -> None:
    """`change` is made just before the next document of this kind is written."""
    put = store.put

    def late(document: Any) -> None:
        if isinstance(document, kind):
            monkeypatch.setattr(store, "put", put)
            change()
        put(document)

    monkeypatch.setattr(store, "put", late)


def test_a_sign_off_and_a_cancellation_at_the_same_moment(
    node: TestNode, review: Review, otto: PersonClient, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        decide(otto, review, number, "keep")
    browser = signed_in("ada")
    at_the_same_time(monkeypatch, Review, lambda: reviews.begin_sign_off(otto, review.id))
    response = browser.post(f"/reviews/cancel/{review.id}", {"reason": REASON})
    page = html.unescape(response.content.decode())
    assert (response.status_code, REASON in page) == (409, True)
    assert "The review was changed at the same time" in page
    assert [(event.outcome, event.reason) for event in events(node, review)] == [("failure", "conflict")]

    reviews.lock_decisions(otto, review.id)
    at_the_same_time(monkeypatch, Review, lambda: reviews.cancel(otto, review.id, REASON))
    with pytest.raises(errors.ReviewClosed):
        reviews.lock_decisions(otto, review.id)
    assert (reviews.get(review.id).state, reviews.get(review.id).sign_off) == ("canceled", None)


def test_a_decision_and_a_cancellation_at_the_same_moment(
    node: TestNode, review: Review, otto: PersonClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decision is undone, and the audit trail says so."""
    decide(otto, review, 1, "keep", "mine")
    before = reviews.get_with_items(review.id, [1])[1][0]
    at_the_same_time(monkeypatch, reviews.Item, lambda: reviews.cancel(otto, review.id, REASON))
    with pytest.raises(errors.ReviewClosed):
        reviews.decide(otto, review.id, 1, "remove", "too late", before.seen)
    assert reviews.get_with_items(review.id, [1])[1][0].decision == before.decision
    events(node, review)
    late, *_ = audit.search(audit.Query(target=review.id, action=audit.Action.REVIEW_DECIDE)).events
    assert (late.outcome, late.reason) == ("failure", "review_closed")


def test_a_decision_is_saved_although_it_cant_be_read_again(
    review: Review, otto: PersonClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = reviews.get_with_items(review.id, [1])[1][0].seen
    read, failures = store.get_with_items, [errors.Unavailable("gone")]

    def once(*args: Any) -> Any:
        if decisions_of(read, review) and failures:
            raise failures.pop()
        return read(*args)

    monkeypatch.setattr(store, "get_with_items", once)
    assert reviews.decide(otto, review.id, 1, "keep", "", seen).decision
    assert failures == []


def decisions_of(read: Callable[..., Any], review: Review) -> bool:
    return bool(read(review.id, [1])[1][0].decision)


@pytest.mark.parametrize("fields", [{"row": {"username": 7}}, {"choice": None, "decision": None, "locked": None}, {"number": None}])
def test_a_review_with_a_damaged_item(
    node: TestNode, review: Review, otto: PersonClient, signed_in: Callable[..., Client], fields: dict[str, Any]
) -> None:
    """Its pages name the item and offer to cancel; it isn't signed off halfway, and doesn't stay open for ever."""
    for number in (1, 2, 3):
        decide(otto, review, number, "keep")
    id, browser = damage(node, review, 2, **fields), signed_in("otto")
    assert reviews.damaged_items(review.id) == [id]
    link = f'href="/reviews/cancel/{review.id}" data-test-subj="cancelDamagedReview"'
    for page in ("view", "sign-off", "report"):
        shown = text(browser, f"/reviews/{page}/{review.id}")
        assert f"It isn't shown: {id}." in shown
        assert link in shown
    pending = reviews.progress([review.id])[review.id].pending
    shown = text(browser, f"/reviews/view/{review.id}?show=pending")
    assert (id in shown, "All users are reviewed" in shown) == ((True, False) if pending else (False, True))
    response = browser.post(f"/reviews/sign-off/{review.id}", {"password": PASSWORD})
    assert (response.status_code, link in html.unescape(response.content.decode())) == (422, True)
    assert reviews.get(review.id).state == "open"

    assert browser.post(f"/reviews/cancel/{review.id}", {"reason": REASON}).status_code == 302
    shown = text(browser, f"/reviews/view/{review.id}")
    assert (REASON in shown, id in shown, link in shown) == (True, True, False)


def test_an_item_that_is_damaged_during_the_sign_off(
    node: TestNode, review: Review, otto: PersonClient, signed_in: Callable[..., Client]
) -> None:
    for number in (1, 2, 3):
        decide(otto, review, number, "keep")
    reviews.begin_sign_off(otto, review.id)
    damage(node, review, 2, row={})
    browser = signed_in("otto")
    assert "This access review has damaged items" in browser.post(f"/reviews/job/{review.id}").content.decode()
    assert f'href="/reviews/cancel/{review.id}"' in text(browser, f"/reviews/view/{review.id}")
    reviews.cancel(otto, review.id, REASON)
    assert REASON in text(browser, f"/reviews/view/{review.id}")


def test_an_item_that_is_damaged_after_the_sign_off(
    node: TestNode, review: Review, otto: PersonClient, signed_in: Callable[..., Client]
) -> None:
    """It was modified, so the report doesn't match. What needs all items says that it does."""
    for number in (1, 2, 3):
        decide(otto, review, number, "remove")
    sign_off(otto, review)
    id = damage(node, review, 2, row={})
    browser = signed_in("otto")
    assert id in text(browser, f"/reviews/report/{review.id}")
    other = start_review(otto, UserQuery(q="person")).id
    compared = f"compare/reviews?one={review.id}&other={other}"
    for page in (f"reviews/download/{review.id}", f"reviews/removals/{review.id}", compared):
        assert "This access review has damaged items" in text(browser, f"/{page}", 409)
    assert "This report doesn't match the sign-off" in text(browser, f"/reviews/check/{review.id}")


def test_all_damaged_items_are_named(node: TestNode, review: Review, otto: PersonClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every batch, also those that have two numbers or none."""
    monkeypatch.setattr(store, "BATCH_SIZE", 1)
    damaged = [damage(node, review, number, number=wrong) for number, wrong in ((1, None), (2, [2, 9]))]
    assert sorted(reviews.damaged_items(review.id)) == sorted(damaged)
