"""The pages of an access review as an auditor uses them without a script, and what an administrator does then."""

import csv
import hashlib
import html
import io
import re
import zipfile
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.services import reviews
from accounts.services.documents import indices
from accounts.services.reviews import Review
from tests.support.cast import PASSWORD
from tests.support.faults import faulty
from tests.support.nodes import TestNode, one_version
from tests.support.reviews import confirmed

pytestmark = one_version


@pytest.fixture
def otto(signed_in: Callable[..., Client]) -> Client:
    return signed_in("otto")


def start(client: Client, query: str = "q=person&reserved=0") -> Review:
    """A review whose snapshot has been created, by pressing Continue."""
    response = client.post(f"/reviews/create?{query}", {"title": "Quarter", "due": "2020-01-31", "reviewers": "otto\nada"})
    assert response.status_code == 302, response.content.decode()
    review_id = response["Location"].rsplit("/", 1)[1]
    assert b"reviewJob" in client.get(response["Location"]).content
    for _ in range(2):  # one portion, and the look at the whole
        client.post(f"/reviews/job/{review_id}")
    return reviews.get(review_id)


def page_form(page: str) -> dict[str, list[str]]:
    """What the form of the page would send: hidden fields, comments, and the radio buttons that are on."""
    sent: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*form=\"page-form\"[^>]*>|<input type=\"hidden\" name=\"current_url\"[^>]*>", page):
        if 'type="radio"' not in tag or " checked" in tag:
            sent.setdefault(re.search(r'name="([^"]*)"', tag)[1], []).append(re.search(r'value="([^"]*)"', tag)[1])  # type: ignore[index]
    return sent


def open_page(client: Client, review: Review) -> dict[str, list[str]]:
    return page_form(client.get(f"/reviews/view/{review.id}").content.decode())


def send(client: Client, review: Review, form: dict[str, list[str]], **marks: str) -> str:
    changed = {name.replace("_", "-", 1).lstrip("m"): [value] for name, value in marks.items()}
    return client.post(f"/reviews/decide/{review.id}", {**form, **changed}, follow=True).content.decode()


def sign_off(client: Client, review: Review) -> Review:
    assert client.post(f"/reviews/sign-off/{review.id}", {"password": PASSWORD}).status_code == 302
    for _ in range(2):
        client.post(f"/reviews/job/{review.id}")
    return reviews.get(review.id)


def people(node: TestNode, count: int) -> list[str]:
    names = [f"person-{number}" for number in range(count)]
    for name in names:
        node.put_user(name, roles=["viewer"], full_name="=HYPERLINK(1)")
    return names


def test_progress_of_a_snapshot(node: TestNode, otto: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    people(node, 3)
    monkeypatch.setattr("accounts.services.reviews.store.BATCH_SIZE", 2)
    review = otto.post("/reviews/create?q=person&reserved=0", {"title": "Quarter"})["Location"]
    for number in (0, 2):
        assert f"Snapshot: {number} of 3 users".encode() in otto.get("/reviews/").content
        assert f'value="{number}" max="3"'.encode() in otto.get(review).content
        for page in ("report", "download"):
            assert otto.get(review.replace("/view/", f"/{page}/"))["Location"] == review
        otto.post(review.replace("/view/", "/job/"))
    assert b"Snapshot: 3 of 3 users" in otto.get("/reviews/").content


def test_decisions_without_javascript(node: TestNode, otto: Client, signed_in: Callable[..., Client]) -> None:
    people(node, 3)
    ada, review = signed_in("ada"), start(otto)
    reviews.refresh()
    assert b"3 of 3 users are pending" in otto.get("/reviews/due").content
    assert b"Overdue" in otto.get("/reviews/").content
    form = open_page(otto, review)
    send(ada, review, open_page(ada, review), m1_decision="keep", m1_comment="mine")

    page = send(otto, review, form, m1_decision="remove", m2_decision="change", m2_comment="less", m3_comment="hm")
    assert "Someone else decided on this user" in page
    assert "Keep, <bdi>ada</bdi>" in page
    assert "Choose a decision. The comment isn&#x27;t saved yet." in page
    typed = page_form(page)
    assert (typed["1-decision"], typed["3-comment"]) == (["remove"], ["hm"])
    send(otto, review, typed)  # seen, and confirmed
    reviews.refresh()
    marks = [
        item.decision and (item.decision.choice, item.decision.comment, item.decision.by) for item in reviews.all_items(review.id)
    ]
    assert marks == [("remove", "", "otto"), ("change", "less", "otto"), None]


def test_from_the_sign_off_to_the_proof(node: TestNode, otto: Client, signed_in: Callable[..., Client]) -> None:
    names = people(node, 3)
    review = start(otto)
    form = open_page(otto, review)
    send(otto, review, form, m1_decision="keep", m2_decision="remove", m2_comment="=1+1")
    assert "1 of 3 users is pending" in otto.get(f"/reviews/sign-off/{review.id}").content.decode()
    assert otto.post(f"/reviews/sign-off/{review.id}", {"password": PASSWORD}).status_code == 422
    send(otto, review, open_page(otto, review), m3_decision="remove")

    refused = otto.post(f"/reviews/sign-off/{review.id}", {"password": "wrong"})
    assert (refused.status_code, b"Incorrect password." in refused.content) == (422, True)
    assert reviews.get(review.id).state == "open"
    review = sign_off(otto, review)
    assert otto.post(f"/reviews/decide/{review.id}", form | {"3-decision": ["keep"]}).status_code == 409

    url = f"/reviews/removals/{review.id}"
    page = otto.get(url)
    assert (page.status_code, otto.post(url, {"action": "delete"}).status_code) == (200, 403)
    assert f'hx-get="/reviews/check/{review.id}"' in page.content.decode()
    ada = signed_in("ada")
    assert ada.post(url, {"action": "burn"}).status_code == 400
    confirmation = ada.get(f"/reviews/apply-removals/{review.id}?action=delete").content.decode()
    assert names[1] in confirmation
    assert f'hx-get="/reviews/check/{review.id}"' in confirmation
    assert ada.post(url, {"action": "delete"}).status_code == 409, "nothing was confirmed"
    assert ada.post(url, confirmed(review, "delete"))["Location"] == url
    assert [node.user(name) is None for name in names] == [False, True, True]

    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    report = otto.get(f"/reviews/report/{review.id}").content.decode()
    assert report.count("Delete user, Success: ada") == 2
    assert "Verified: the decisions match the sign-off" in otto.get(f"/reviews/check/{review.id}").content.decode()


def test_removals_and_changes_have_pages_of_their_own(node: TestNode, otto: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.views.review_removals.PAGE_SIZE", 1)
    names = people(node, 4)
    review = start(otto)
    form = open_page(otto, review)
    changes = {"m3_decision": "change", "m3_comment": "less", "m4_decision": "change", "m4_comment": "less"}
    send(otto, review, form, m1_decision="remove", m2_decision="remove", **changes)
    review = sign_off(otto, review)

    def shown(query: str) -> tuple[list[str], list[str]]:
        page = html.unescape(otto.get(f"/reviews/removals/{review.id}{query}").content.decode())
        main = page[page.index("<h1") :]
        return [name for name in names if name in main], re.findall(r'rel="next" href="[^"?]*([^"]*)"', main)

    assert shown("") == ([names[0], names[2]], ["?after=1", "?changes_after=3"])
    assert shown("?after=1") == ([names[1], names[2]], ["?after=2", "?after=1&changes_after=3"])
    assert shown("?changes_after=3") == ([names[0], names[3]], ["?after=1&changes_after=3", "?changes_after=4"])


def test_review_download_is_valid_and_runs_no_formula(node: TestNode, otto: Client) -> None:
    people(node, 2)
    review = start(otto)
    send(otto, review, open_page(otto, review), m1_decision="keep", m1_comment="@SUM(1)", m2_decision="remove")
    review = sign_off(otto, review)
    answer = otto.get(f"/reviews/download/{review.id}").getvalue()
    archive = zipfile.ZipFile(io.BytesIO(answer))
    block = archive.read("completeness.txt").decode()
    assert review.sign_off
    for name in ("list.ndjson", "decisions.ndjson"):
        assert f"SHA-256 of {name}: {hashlib.sha256(archive.read(name)).hexdigest()}\n" in block
    assert f"Audit event: {review.sign_off.event}" in block
    rows = list(csv.DictReader(io.StringIO(archive.read("decisions.csv").decode("utf-8-sig"))))
    assert [(row["Username"], row["Full name"], row["Decision"], row["Comment"]) for row in rows] == [
        ("person-0", "'=HYPERLINK(1)", "keep", "'@SUM(1)"),
        ("person-1", "'=HYPERLINK(1)", "remove", ""),
    ]
    assert (rows[1]["Status at download"], rows[1]["Last sign-in"]) == ("Active", "no information")
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(answer[: len(answer) * 9 // 10]))


def test_a_review_that_does_not_exist(otto: Client) -> None:
    for page in ("view", "report", "check", "download", "sign-off", "removals", "progress"):
        assert otto.get(f"/reviews/{page}/none").status_code == 404
    assert otto.get("/reviews/create?q=nobody-has-this").status_code == 422


def test_reviews_require_read_access(signed_in: Callable[..., Client]) -> None:
    norah = signed_in("norah")
    for url in ("/reviews/", "/reviews/create", "/reviews/due", "/reviews/view/x", "/reviews/report/x", "/reviews/removals/x"):
        assert norah.get(url).status_code == 403


def test_deactivating_reviewed_users_names_the_services(node: TestNode, signed_in: Callable[..., Client], otto: Client) -> None:
    review = start(otto, "q=beats_system")
    for name in ("sign-off", "report"):
        assert "1 of 1 user is pending" in otto.get(f"/reviews/{name}/{review.id}").content.decode()
    send(otto, review, open_page(otto, review), m1_decision="remove")
    sign_off(otto, review)
    ada = signed_in("ada")
    page = ada.get(f"/reviews/apply-removals/{review.id}?action=deactivate").content.decode()
    assert "<strong>beats_system</strong>: Beats will lose connection to Elasticsearch. Beats stays disconnected until" in page


@pytest.mark.parametrize("status", [403, 409, 500, 503])
def test_one_failed_removal_stops_no_other(
    node: TestNode, otto: Client, signed_in: Callable[..., Client], settings: Settings, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("accounts.services.reviews.remediation.BATCH_SIZE", 1)
    names = people(node, 3)
    review = start(otto)
    send(otto, review, open_page(otto, review), m1_decision="remove", m2_decision="remove", m3_decision="remove")
    sign_off(otto, review)
    url = f"/reviews/removals/{review.id}"
    with faulty(node) as fault:
        settings.ELASTICSEARCH_HOSTS = [fault.url]
        fault.answers[f"DELETE /_security/user/{names[0]}"] = status
        ada = signed_in("ada")
        form = confirmed(review, "delete")
        while (answer := ada.post(url, form)).status_code == 200:
            fields = re.findall(
                r'<input type="hidden" name="(action|confirmed|after|failed)" value="([^"]*)">', answer.content.decode()
            )
            assert dict(fields) != form, "each batch goes on"
            form = dict(fields)
        assert answer["Location"] == url
        node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
        page = ada.get(url).content.decode()
        assert "Not deleted: 1 user." in page
        assert re.search(r"Delete user, \w+ \([A-Z][^)]+\): ada", page), "the reason"
    assert [node.user(name) is None for name in names] == [False, True, True]


def test_items_that_are_altered_after_they_were_confirmed(node: TestNode, otto: Client, signed_in: Callable[..., Client]) -> None:
    """Whoever has the API key of usermgmt can't have others removed than the administrator saw."""
    names = people(node, 2)
    review = start(otto)
    send(otto, review, open_page(otto, review), m1_decision="remove", m2_decision="keep")
    sign_off(otto, review)
    ada = signed_in("ada")
    page = ada.get(f"/reviews/apply-removals/{review.id}?action=delete").content.decode()
    form = dict(re.findall(r'<input type="hidden" name="(action|confirmed)" value="([^"]*)">', page))
    query = {"bool": {"filter": [{"term": {"review": review.id}}, {"term": {"number": 2}}]}}
    [item] = node.elastic.search(index=indices.REVIEWS, query=query)["hits"]["hits"]
    decision = {**item["_source"]["decision"], "choice": "remove"}
    document = {**item["_source"], "choice": "remove", "decision": decision}
    node.elastic.index(index=indices.REVIEWS, id=item["_id"], document=document, refresh=True)
    assert ada.post(f"/reviews/removals/{review.id}", form).status_code == 409
    assert node.usernames() >= set(names)
