"""Another program wrote a document of usermgmt, so that a field is missing or invalid: pages show the others, and say so."""

import base64
import html
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
from django.test import Client
from elasticsearch import BadRequestError
from pytest_django import Settings

from accounts.services import audit, damaged, errors, findings, jobs, reviews
from accounts.services.client import PersonClient
from accounts.services.documents import indices, locks
from accounts.services.findings.changed_roles import STORED
from accounts.services.reviews.records import item_id
from accounts.services.signin import delays, throttle
from accounts.services.users import UserQuery
from tests.support.findings import run_through
from tests.support.nodes import TestNode, one_version
from tests.support.reviews import start_review
from tests.support.sessions import OWN_PAGE

pytestmark = one_version

DEEP: Final = "[" * 9000 + "]" * 9000  # JSON that Python can't read
WRONG: Final[tuple[Any, ...]] = (7, "x", True, [], [7], [""], {}, {"x": 7}, None)


def damages(document: dict[str, Any], *kept: str) -> Iterator[dict[str, Any]]:
    """The document without each of its fields, and with other values of it. `kept`: by which pages find it."""
    for name in document.keys() - set(kept):
        yield {other: value for other, value in document.items() if other != name}
        yield from ({**document, name: wrong} for wrong in WRONG)


def put(node: TestNode, index: str, documents: Iterator[dict[str, Any]], id: str = "") -> list[str]:
    """Those that the mapping of the index takes. Returns their IDs, one of which is no part of a path."""
    operations: list[dict[str, Any]] = []
    for number, document in enumerate(documents):
        name = f"a/[{uuid.uuid4().hex}]" if number == 0 and not id else f"{id}{uuid.uuid4().hex}"
        operations += [{"index": {"_index": index, "_id": name}}, document]
    items = [item["index"] for item in node.elastic.bulk(operations=operations, refresh=True)["items"]]
    return [item["_id"] for item in items if item["status"] == 201]


def source(node: TestNode, index: str, id: str) -> dict[str, Any]:
    found: dict[str, Any] = node.elastic.get(index=index, id=id)["_source"]
    return found


def text(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status, url
    return html.unescape(response.getvalue().decode())


@pytest.fixture
def ada(node: TestNode, signed_in: Callable[..., Client]) -> Iterator[Client]:
    node.put_user("jdoe", roles=["viewer"], full_name="Jane")
    yield signed_in("ada")
    node.forget()


def test_reviews(node: TestNode, person: Callable[[str], PersonClient], ada: Client) -> None:
    review = start_review(person("ada"), UserQuery(q="jdoe"))
    good = source(node, indices.REVIEWS, review.id)
    sign_off = {"by": "ada", "realm": "r", "at": good["created"], "sha256": "0", "event": "e", "counts": {"remove": 1}}
    signed = {**good, "state": "signed", "sign_off": sign_off}
    parts = ({**signed, part: damaged} for part in ("snapshot", "sign_off") for damaged in damages(signed[part]))
    never = [{**good, "created": f"{year}-12-31T23:59:59-05:00"} for year in ("0001", "9999")]
    ids = put(node, indices.REVIEWS, (each for some in (damages(good, "kind", "created"), parts, never) for each in some))
    page = text(ada, "/reviews/")
    shown, damaged = reviews.reviews_and_damaged()
    assert review.id in {each.id for each in shown}
    assert len(shown) + len(damaged) == 1 + len(ids)
    assert len(damaged) > 60
    assert f"Damaged: {len(damaged)} access reviews" in page
    assert page.count('data-test-subj="reviewCard"') == len(shown)
    text(ada, "/reviews/due")
    text(ada, "/compare/")
    for each in shown:
        for page in ("view", "report", "removals"):  # one of them, to which the others redirect
            assert ada.get(f"/reviews/{page}/{each.id}").status_code in (200, 302)
    readable = next(id for id in damaged if "/" not in id)
    assert "This document is damaged" in text(ada, f"/reviews/view/{readable}", 409)


def test_items_of_reviews(node: TestNode, person: Callable[[str], PersonClient], ada: Client) -> None:
    review = start_review(person("ada"), UserQuery(q="jdoe"))
    good = source(node, indices.REVIEWS, item_id(review.id, 1))
    decided = {"choice": "keep", "comment": "", "by": "ada", "realm": "r", "at": "2026-01-01T00:00:00+00:00", "own": False}
    rows = ({**good, "row": row} for row in damages(good["row"]))
    decisions = ({**good, "decision": each} for each in damages(decided))
    documents = (damages(good, "kind", "review", "number"), rows, decisions)
    ids = put(node, indices.REVIEWS, (each for some in documents for each in some))
    found, damaged = reviews.items_and_damaged(review.id, reviews.ItemQuery(size=1000))
    assert len(found) + len(damaged) == 1 + len(ids)
    assert len(damaged) > 30
    assert [item.decision.moment for item in found if item.decision]
    seen = 0
    for decision in ("", "pending", "keep", "x"):
        page = text(ada, f"/reviews/view/{review.id}?show={decision}")
        seen += page.count("Damaged: ")
    assert seen
    with pytest.raises(errors.DocumentDamaged):
        list(reviews.all_items(review.id))


def test_findings(node: TestNode, person: Callable[[str], PersonClient], ada: Client) -> None:
    client = person("ada")
    run = findings.start(client)
    while not run.finished:
        run = findings.advance(client, run.id)
    good = source(node, indices.FINDINGS, run.id)
    ids = put(node, indices.FINDINGS, damages(good, "kind"))
    shown, damaged = findings.history_and_damaged()
    assert run.id in {each.id for each in shown}
    assert len(damaged) > 40
    assert f"Damaged: {len(damaged)} runs" in text(ada, "/findings/")
    assert len(shown) + len(damaged) == min(100, 1 + len(ids))
    for slug in findings.BY_SLUG:
        text(ada, f"/findings/view/{slug}?run={run.id}")
    chunk = next(iter(run.chunks.values()))[0][0]
    packed = [findings.rows._packed(values) for values in ([7], [[7] * 7], [["a", "b"]])]
    deep = base64.b64encode(zlib.compress(DEEP.encode())).decode()
    for rows in (None, 7, "x", "eJw=", deep, *packed):
        node.elastic.index(index=indices.FINDINGS, id=chunk, document={"kind": "rows", "rows": rows}, refresh=True)
        name = next(name for name, chunks in run.chunks.items() if chunks and chunks[0][0] == chunk)
        with pytest.raises(errors.DocumentDamaged):
            list(findings.rows.read(run.chunks[name]))
        with pytest.raises(errors.DocumentDamaged):
            findings.rows.page(run.chunks[name], 0, 20)


def test_a_run_of_which_only_the_list_of_its_rows_is_damaged(
    node: TestNode, person: Callable[[str], PersonClient], ada: Client
) -> None:
    """It is named, with the way to discard it, and the run before it is shown."""
    before, run = (run_through(node, person("ada")) for _ in "12")
    started = findings.start(person("ada"))
    node.elastic.update(index=indices.FINDINGS, id=run.id, doc={"chunks": {"managers": [[7]]}}, refresh=True)
    page = text(ada, "/findings/")
    assert f"It isn't shown: {run.id}." in page
    assert 'href="/damaged/discard/findings"' in page
    assert f"?run={run.id}" not in page
    assert f"run={before.id}" in text(ada, "/findings/view/managers")
    assert "attachment" in ada.get("/findings/export/managers", headers=OWN_PAGE)["Content-Disposition"]
    assert f'value="{run.id}" checked' in text(ada, "/damaged/discard/findings")
    assert findings.start(person("ada")).id == started.id
    after = run_through(node, person("ada"))
    assert (after.id, after.previous) == (started.id, "")
    last = run_through(node, person("ada"))
    assert last.previous == after.id
    for name in (STORED, "managers"):
        chunk = last.chunks[name][0][0]
        node.elastic.index(index=indices.FINDINGS, id=chunk, document={"kind": "rows", "rows": 7}, refresh=True)
        assert run_through(node, person("ada")).previous == "", "rows that can't be read don't stop it, either"
        last = run_through(node, person("ada"))
    ada.post("/damaged/discard/findings", {"id": run.id})
    assert "Damaged" not in text(ada, "/findings/")


def test_rows_of_the_active_run(node: TestNode, person: Callable[[str], PersonClient], ada: Client) -> None:
    """It can't be resumed, and another one can be started."""
    run = findings.start(person("ada"))
    node.elastic.update(index=indices.FINDINGS, id=run.id, doc={"chunks": {"x": [[7]]}}, refresh=True)
    text(ada, "/findings/")
    assert findings.start(person("ada")).id != run.id


def test_bulk_changes(node: TestNode, ada: Client) -> None:
    """They are refused, and can be discarded."""
    ada.post("/users/jobs/create", {"users": "selected", "username": ["jdoe"], "action": "add-roles", "roles": ["editor"]})
    (job,) = jobs.all_jobs()
    ids = put(node, indices.JOBS, damages(source(node, indices.JOBS, job.id), "kind", "created"))
    page = text(ada, "/users/jobs/")
    assert page.count('data-test-subj="jobRow"') == min(100, 1 + len(ids))
    assert page.count("Damaged bulk change") > 40
    damaged = [each for each in jobs.all_jobs() if each.is_damaged and "/" not in each.id]
    for each in damaged[:5]:
        assert "This bulk change can't be carried out" in text(ada, f"/users/jobs/view/{each.id}")
        text(ada, f"/users/jobs/export/{each.id}")
        assert ada.post(f"/users/jobs/control/{each.id}", {"command": "start"}).status_code == 409
        assert ada.post(f"/users/jobs/advance/{each.id}").status_code == 409
        assert ada.post(f"/users/jobs/control/{each.id}", {"command": "discard"}).status_code == 302
    assert (node.user("jdoe") or {})["roles"] == ["viewer"]


def test_administrators_discard_them(node: TestNode, person: Callable[[str], PersonClient], ada: Client) -> None:
    """Only damaged ones, of the list that they are on, whatever their ID. Each is in the audit trail."""
    review, run = start_review(person("ada"), UserQuery(q="jdoe")), findings.start(person("ada"))
    ada.post("/users/jobs/create", {"users": "selected", "username": ["jdoe"], "action": "add-roles", "roles": ["editor"]})
    (job,) = jobs.all_jobs()
    intact = {"reviews": (indices.REVIEWS, review.id), "findings": (indices.FINDINGS, run.id), "jobs": (indices.JOBS, job.id)}
    others = {"reviews": [item_id(review.id, 1)], "findings": [], "jobs": [f"{job.parts[0]}-1"]}
    for page, (index, id) in intact.items():
        good = source(node, index, id)
        names = ["..", "a/[b]", f"{uuid.uuid4().hex}", f"{uuid.uuid4().hex}"]
        operations = [({"index": {"_index": index, "_id": name}}, {**good, "state": "x", "step": "x"}) for name in names]
        part = ({"index": {"_index": index}}, {"kind": "item" if page == "reviews" else "step", "review": "..", "job": ".."})
        node.elastic.bulk(operations=[each for pair in (*operations, part) for each in pair], refresh=True)
        path = {"reviews": "/reviews/", "findings": "/findings/", "jobs": "/users/jobs/"}[page]
        assert f'href="/damaged/discard/{page}"' in text(ada, path)
        assert all(f'value="{name}" checked' in text(ada, f"/damaged/discard/{page}") for name in names)
        ada.post(f"/damaged/discard/{page}", {"id": [*names[:3], id, *others[page]]})
        assert damaged.KINDS[page].damaged() == names[3:]
        left = {hit["_id"] for hit in node.elastic.search(index=index, size=1000)["hits"]["hits"]}
        assert {names[3], id, *others[page]} <= left
        assert (len(left) == 2 + len(others[page])) or page == "findings", "neither they nor their parts"
        node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
        found = audit.search(audit.Query(action=audit.Action.DOCUMENT_DISCARD, kind=damaged.KINDS[page].name)).events
        assert sorted((each.target, each.actor.username, each.outcome) for each in found) == [
            (name, "ada", "success") for name in sorted(names[:3])
        ]
        assert "Nothing was discarded" in html.unescape(
            ada.post(f"/damaged/discard/{page}", {"id": id}, follow=True).content.decode()
        )
    assert ada.get("/damaged/discard/users").status_code == 404


@pytest.mark.parametrize("action", ["add-roles", "import"])
def test_steps_of_bulk_changes(node: TestNode, ada: Client, action: str) -> None:
    """The job is refused, and shows them."""
    ada.post("/users/jobs/create", {"users": "selected", "username": ["jdoe"], "action": "add-roles", "roles": ["editor"]})
    (job,) = jobs.all_jobs()
    good = source(node, indices.JOBS, f"{job.parts[0]}-1")
    more = [{**good, "was": was} for was in damages(good["was"])]
    if action == "import":
        more.append({**good, "values": DEEP, "change": "create", "was": None, "line": 3})
        changed = {**source(node, indices.JOBS, job.id), "action": "import"}
        node.elastic.index(index=indices.JOBS, id=job.id, document=changed, refresh=True)
        good |= {"change": "update", "values": '{"full_name": {}, "roles": 7}', "line": 2}
    documents = [*reversed(more), *damages(good, "kind", "job", "part", "number")]
    ids = put(node, indices.JOBS, ({**each, "number": number} for number, each in enumerate(documents, 2)), "x")
    assert len(ids) > 80
    for state in ("", "skipped", "pending", "unknown"):
        text(ada, f"/users/jobs/view/{job.id}?state={state}")
    for after in range(0, len(ids), 50):
        text(ada, f"/users/jobs/view/{job.id}?after={after}")
    text(ada, f"/users/jobs/export/{job.id}")
    text(ada, "/users/jobs/")
    ada.post(f"/users/jobs/control/{job.id}", {"command": "start"})
    ada.post(f"/users/jobs/advance/{job.id}")
    if action == "add-roles":
        assert "Damaged</span>" in text(ada, "/users/jobs/"), "the list names it"
    assert (node.user("jdoe") or {})["roles"] == ["viewer"]


def test_sessions(node: TestNode, ada: Client, signed_in: Callable[..., Client], settings: Settings) -> None:
    """They count as no session."""
    otto = signed_in("otto")
    hits = node.elastic.search(index=indices.SESSIONS, query={"term": {"username": "otto"}})["hits"]["hits"]
    (hit,) = [hit for hit in hits if "payload" in hit["_source"]]
    put(node, indices.SESSIONS, damages(hit["_source"], "created"))
    assert "otto" in text(ada, "/sessions/")
    cookie, ended = otto.cookies[settings.SESSION_COOKIE_NAME].value, 0
    for document in damages(hit["_source"], "expires"):
        with suppress(BadRequestError):  # the mapping doesn't take it
            node.elastic.index(index=indices.SESSIONS, id=hit["_id"], document=document, refresh=True)
            otto.cookies[settings.SESSION_COOKIE_NAME] = cookie
            ended += otto.get("/account/").status_code == 302
    assert ended > 20


def test_locks_and_delays(node: TestNode, settings: Settings) -> None:
    settings.THROTTLE_FAILURES = 2
    documents: list[dict[str, Any]] = [{}, {"until": None}, {"until": 7}, {"until": []}]
    for document in documents:
        node.elastic.index(index=indices.LOCKS, id=locks._id("user jdoe"), document=document)
        with locks.held("user jdoe"):
            pass
    attempt = throttle.Attempt("jdoe", "203.0.113.7")

    def fail() -> None:
        raise errors.AuthenticationFailed("wrong")

    for _ in range(4):
        with pytest.raises(errors.AuthenticationFailed):
            throttle.attempt(attempt, fail)
    node.elastic.indices.refresh(index=indices.THROTTLE)
    (hit, *_) = node.elastic.search(index=indices.THROTTLE)["hits"]["hits"]
    before = len(delays.current())
    assert before
    put(node, indices.THROTTLE, damages(hit["_source"], "expires"))
    assert len(delays.current()) >= before
    for counter in throttle._counters(attempt):
        node.elastic.index(index=indices.THROTTLE, id=counter.id, document={"failures": "x"})
    assert throttle.attempt(attempt, lambda: 1) == 1
    node.forget()
