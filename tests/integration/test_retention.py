"""What is older than its retention is deleted, and nothing else; the audit trail has it before and afterwards."""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from elasticsearch import AuthorizationException, Elasticsearch
from pytest_django import Settings

from accounts.services import audit, errors, findings, jobs, retention, reviews, users
from accounts.services.audit.events import Event
from accounts.services.client import PersonClient, service_client
from accounts.services.cluster import overview
from accounts.services.documents import indices
from accounts.services.documents.signing import SIGNATURE, signed
from accounts.services.jobs import run as job_run
from accounts.services.jobs.records import PURPOSE, Step
from accounts.services.jobs.store import all_steps, put_steps
from accounts.services.users import User, UserQuery
from tests.integration.test_audit_refused import FAULTS
from tests.support.cast import PASSWORD
from tests.support.faults import LOST, faulty
from tests.support.findings import run_through
from tests.support.nodes import TestNode
from tests.support.pages import text as html_of
from tests.support.reviews import decide, sign_off, start_review
from tests.support.traces import trail

OLD = "usermgmt-audit-2020.01"
MIDDLE = datetime(2020, 1, 15, 12, tzinfo=UTC)
KEPT = {"REVIEWS_RETENTION_DAYS": 30, "FINDINGS_RETENTION_DAYS": 30, "JOBS_RETENTION_DAYS": 30}


@pytest.fixture(autouse=True)
def only_current_months(node: TestNode) -> Iterator[None]:
    """Afterwards, no test has left an index of the audit trail to others."""
    yield
    if old := months(node) - set(indices.names(timezone.now())):
        node.elastic.indices.delete(index=sorted(old))


@pytest.fixture(autouse=True)
def retained(settings: Settings, monkeypatch: pytest.MonkeyPatch, node: TestNode) -> Callable[..., None]:
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "elastic")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", node.elastic_password)

    def retain(**days: int) -> None:
        for name, number in days.items():
            setattr(settings, name.removesuffix("_DAYS"), timedelta(days=number))

    return retain


def delete_old_records(*options: str) -> str:
    """What the command prints; an error ends the output, with the exit code."""
    out, err = StringIO(), StringIO()
    try:
        call_command("delete_old_records", *options, stdout=out, stderr=err)
    except CommandError as exc:
        return f"{out.getvalue()}{err.getvalue()}{exc} ({exc.returncode})"
    return out.getvalue() + err.getvalue()


def put_month(node: TestNode, moment: datetime, *more: Event) -> str:
    """The index of a month, with two events."""
    signed_in = Event.now(audit.Actor("root", "native1", "native"), audit.Action.SIGN_IN, "root", "user", outcome="success")
    name = indices.audit_index(moment)
    operations: list[Any] = []
    for number in range(2):
        at = moment + timedelta(hours=number)
        operations += [{"create": {"_index": name}}, {**signed_in.document(), "@timestamp": at.isoformat()}]
    for event in more:
        operations += [{"create": {"_index": name, "_id": f"{event.id}-{event.stage}"}}, event.document()]
    assert not node.elastic.bulk(operations=operations, refresh=True)["errors"]
    return name


def text(client: Client, url: str, status: int = 200) -> str:
    """What a reader sees."""
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", html_of(client, url, status=status)).split()))


def months(node: TestNode) -> set[str]:
    return set(node.elastic.indices.get(index=indices.AUDIT_PATTERN, expand_wildcards="all", features="settings"))


def shift(node: TestNode, index: str, id: str, days: int, *fields: str) -> None:
    """Make a document older, as if it had been written so many days earlier."""
    source = node.elastic.get(index=index, id=id)["_source"]
    for name in fields:
        *path, last = name.split(".")
        inner = source
        for part in path:
            inner = inner[part]
        inner[last] = (datetime.fromisoformat(inner[last]) - timedelta(days=days)).isoformat()
    if source.pop(SIGNATURE, ""):
        source = signed(PURPOSE, id, source)
    node.elastic.index(index=index, id=id, document=source, refresh=True)


def test_nothing_is_configured_by_default(node: TestNode) -> None:
    put_month(node, MIDDLE)
    names = "AUDIT_RETENTION_DAYS, REVIEWS_RETENTION_DAYS, FINDINGS_RETENTION_DAYS, and JOBS_RETENTION_DAYS"
    assert delete_old_records() == f"Nothing to delete: {names} aren't set.\n"
    assert OLD in months(node)


def test_old_months_of_the_audit_trail(node: TestNode, retained: Callable[..., None], signed_in: Callable[..., Client]) -> None:
    """Those that ended before the retention, and no other index. The gap is explained by the trail itself."""
    now = timezone.now()
    retained(AUDIT_RETENTION_DAYS=100)
    old = [put_month(node, MIDDLE), put_month(node, now - timedelta(days=140))]
    last_kept = put_month(node, now - timedelta(days=100))
    others = ["usermgmt-audit-2020.01-reindexed", "usermgmt-audit-2020.13", "usermgmt-audit-2020.1", "usermgmt-audit-0000"]
    for name in others:
        node.elastic.indices.create(index=name)
    kept = {*others, last_kept, *(name for name in indices.names(now) if name.startswith(indices.AUDIT))}
    assert months(node) == kept | set(old)

    line = f"index {OLD}, 2 documents, 2020-01-15 to 2020-01-15\n"
    planned = delete_old_records("--dry-run")
    assert planned.startswith(f"Would be deleted: {line}Would be deleted: index {old[1]}, 2 documents, ")
    assert planned.count("\n") == 2
    assert (months(node), trail(node, action="records-delete")) == (kept | set(old), [])

    assert delete_old_records() == planned.replace("Would be deleted", "Deleted")
    assert months(node) == kept
    events = trail(node, action="records-delete")
    assert [(event.target, event.outcome, event.kind) for event in events] == [(name, "success", "index") for name in old]
    assert events[0].details == {
        "first": "2020-01-15T12:00:00+00:00",
        "last": "2020-01-15T13:00:00+00:00",
        "documents": "2",
        "retention_days": "100",
    }
    assert events[0].actor == audit.Actor("elastic", "reserved", "reserved", "delete_old_records")
    page = text(signed_in("otto"), reverse("audit_event", args=[events[0].id]))
    assert "Delete old records" in page
    assert "Documents: 2" in page
    assert "Retention in days: 100" in page

    assert delete_old_records() == "Nothing to delete.\n"
    assert len(trail(node, action="records-delete")) == 2


def test_the_intent_is_recorded_before_an_index_is_deleted(node: TestNode, retained: Callable[..., None], calls: list[str]) -> None:
    retained(AUDIT_RETENTION_DAYS=1)
    put_month(node, MIDDLE)
    delete_old_records()
    changes = [call for call in calls if call == "PUT /_bulk" or call.startswith("DELETE")]
    assert changes == ["PUT /_bulk", f"DELETE /{OLD}", "PUT /_bulk"]


def test_closed_and_empty_indices(node: TestNode, retained: Callable[..., None]) -> None:
    retained(AUDIT_RETENTION_DAYS=1)
    node.elastic.indices.close(index=put_month(node, MIDDLE))
    node.elastic.indices.create(index="usermgmt-audit-2020.02")
    node.elastic.cluster.health(index="usermgmt-audit-2020.02", wait_for_status="yellow")
    assert delete_old_records() == (
        f"Deleted: index {OLD}, number of documents unknown\nDeleted: index usermgmt-audit-2020.02, 0 documents\n"
    )


def test_a_clock_that_is_ahead_deletes_nothing(
    node: TestNode, retained: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    retained(AUDIT_RETENTION_DAYS=20 * 365)
    put_month(node, MIDDLE)
    years = timedelta(days=20 * 365)
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + years)
    monkeypatch.setattr(overview, "clocks", lambda: [overview.Clock("node", -years.total_seconds(), 0.01)])
    assert delete_old_records("--dry-run") == "Nothing to delete.\n"
    monkeypatch.setattr(overview, "clocks", list)
    assert f"index {OLD}" in delete_old_records("--dry-run")


@pytest.mark.parametrize(
    ("privileges", "missing"),
    [
        ({}, "delete_index on usermgmt-audit-*, delete on usermgmt-reviews"),
        ({"usermgmt-reviews": ["delete"], "usermgmt-audit-*": ["read", "delete"]}, "delete_index on usermgmt-audit-*"),
        ({"usermgmt-audit-*": ["delete_index"]}, "delete on usermgmt-reviews"),
    ],
)
def test_without_the_privilege(
    node: TestNode,
    retained: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    privileges: dict[str, list[str]],
    missing: str,
) -> None:
    retained(AUDIT_RETENTION_DAYS=1, REVIEWS_RETENTION_DAYS=1)
    put_month(node, MIDDLE)
    parts = [{"names": [name], "privileges": granted, "allow_restricted_indices": False} for name, granted in privileges.items()]
    node.elastic.security.put_role(name="some", cluster=["manage_security"], indices=parts)
    node.put_user("cleaner", roles=["some"])
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "cleaner")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", PASSWORD)
    message = f"This user isn't allowed to delete old records: missing index privileges: {missing} (1)"
    assert delete_old_records() == delete_old_records("--dry-run") == message
    assert OLD in months(node)
    denied = trail(node, actor="cleaner")
    assert [(event.action, event.outcome, event.details["page"]) for event in denied] == [
        ("access-denied", "failure", "delete_old_records")
    ] * 2

    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", "wrong-password")
    assert delete_old_records() == "Incorrect username or password. (1)"


def test_these_privileges_are_enough(
    node: TestNode, retained: Callable[..., None], monkeypatch: pytest.MonkeyPatch, person: Callable[[str], PersonClient]
) -> None:
    """The role in docs/operate.md."""
    retained(AUDIT_RETENTION_DAYS=1, **KEPT)
    put_month(node, MIDDLE)
    review = ended_review(node, person("otto"))
    shift(node, indices.REVIEWS, review.id, 31, "created", "sign_off.at")
    names = [indices.REVIEWS, indices.FINDINGS, indices.JOBS]
    parts = [{"names": [indices.AUDIT_PATTERN], "privileges": ["delete_index"]}, {"names": names, "privileges": ["delete"]}]
    node.elastic.security.put_role(name="usermgmt_retention", indices=parts)
    node.put_user("cleaner", roles=["usermgmt_retention"])
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "cleaner")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", PASSWORD)
    assert delete_old_records().count("Deleted: ") == 2
    assert OLD not in months(node)


def test_the_key_of_usermgmt_cannot_delete_the_audit_trail(node: TestNode) -> None:
    put_month(node, MIDDLE)
    audit.record_sign_out(audit.Actor("jdoe"), "")
    trail(node)
    key = Elasticsearch(node.url, api_key=node.api_key)
    for name in (OLD, indices.audit_index(timezone.now())):
        with pytest.raises(AuthorizationException):
            key.indices.delete(index=name)
        id = node.elastic.search(index=name)["hits"]["hits"][0]["_id"]
        with pytest.raises(AuthorizationException):
            key.delete(index=name, id=id)
    assert OLD in months(node)
    with pytest.raises(errors.NotSetUp):
        service_client().indices.delete(index=OLD)


@pytest.mark.parametrize("fault", FAULTS)
def test_without_the_audit_trail_nothing_is_deleted(
    node: TestNode, settings: Settings, retained: Callable[..., None], person: Callable[[str], PersonClient], fault: Any
) -> None:
    retained(AUDIT_RETENTION_DAYS=1, REVIEWS_RETENTION_DAYS=30)
    review = ended_review(node, person("otto"))
    shift(node, indices.REVIEWS, review.id, 31, "created", "sign_off.at")
    put_month(node, MIDDLE)
    with fault(node, settings):
        output = delete_old_records()
        assert "Deleted" not in output
        assert "(1)" in output
    assert OLD in months(node)
    assert reviews.get(review.id)


def test_a_lost_answer_is_an_unknown_outcome(node: TestNode, settings: Settings, retained: Callable[..., None]) -> None:
    """The node deletes the index. The next run finds nothing left to do, and goes on with the next month."""
    retained(AUDIT_RETENTION_DAYS=1)
    put_month(node, MIDDLE)
    later = put_month(node, MIDDLE + timedelta(days=31))
    with faulty(node) as server:
        server.answers[f"DELETE /{OLD}"] = LOST
        settings.ELASTICSEARCH_HOSTS = [server.url]
        assert delete_old_records().endswith("(1)")
    settings.ELASTICSEARCH_HOSTS = [node.url]
    assert (OLD in months(node), later in months(node)) == (False, True)
    assert delete_old_records().startswith(f"Deleted: index {later}, ")
    assert [(event.target, event.outcome) for event in trail(node, action="records-delete")] == [
        (OLD, "unknown"),
        (later, "success"),
    ]


def test_a_month_that_somebody_else_deletes_meanwhile(
    node: TestNode, retained: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    retained(AUDIT_RETENTION_DAYS=1)
    put_month(node, MIDDLE)
    later = put_month(node, MIDDLE + timedelta(days=31))
    delete = retention.delete

    def too_late(administrator: Any, old: retention.OldRecords) -> None:
        if old.id == OLD:
            node.elastic.indices.delete(index=OLD)
        delete(administrator, old)

    monkeypatch.setattr(retention, "delete", too_late)
    output = delete_old_records()
    assert "Index not found" in output
    assert output.endswith("Not all old records were deleted. (1)")
    assert later not in months(node)


@pytest.mark.parametrize("name", [indices.FINDINGS, indices.REVIEWS, indices.JOBS])
def test_an_index_that_cannot_be_written(
    node: TestNode, retained: Callable[..., None], person: Callable[[str], PersonClient], name: str
) -> None:
    """What wasn't deleted isn't recorded as deleted."""
    retained(**KEPT)
    otto = person("otto")
    if name == indices.FINDINGS:
        first, *_ = (run_through(node, otto) for _ in range(3))
        shift(node, name, first.id, 31, "started", "finished")
    elif name == indices.REVIEWS:
        shift(node, name, ended_review(node, otto).id, 31, "created", "sign_off.at")
    else:
        shift(node, name, finished_job(node, person("ada")).id, 31, "created", "finished")
    node.elastic.indices.put_settings(index=name, settings={"index.blocks.write": True})
    try:
        output = delete_old_records()
    finally:
        node.elastic.indices.put_settings(index=name, settings={"index.blocks.write": None})
    assert "Deleted: " not in output
    assert output.endswith("(1)")
    assert [event.outcome for event in trail(node, action="records-delete")] == ["failure"]
    assert delete_old_records().startswith("Deleted: ")


def ended_review(node: TestNode, otto: PersonClient) -> reviews.Review:
    """With one item, signed off now."""
    node.put_user("jdoe")
    review = start_review(otto, UserQuery(q="jdoe"))
    decide(otto, review, 1, "keep")
    return sign_off(otto, review)


def test_ended_reviews(node: TestNode, retained: Callable[..., None], person: Callable[[str], PersonClient]) -> None:
    """Counted from their end; an open one is never deleted."""
    retained(REVIEWS_RETENTION_DAYS=30)
    otto = person("otto")
    old, recent, canceled, open_one, failed, signing = (
        ended_review(node, otto),
        ended_review(node, otto),
        start_review(otto, UserQuery(q="jdoe")),
        start_review(otto, UserQuery(q="jdoe")),
        start_review(otto, UserQuery(q="jdoe")),
        start_review(otto, UserQuery(q="jdoe")),
    )
    reviews.cancel(otto, canceled.id, "not needed")
    for review, state in ((failed, "failed"), (signing, "signing")):
        node.elastic.update(index=indices.REVIEWS, id=review.id, doc={"state": state})
    shift(node, indices.REVIEWS, old.id, 31, "created", "snapshot.generated_at", "sign_off.at")
    shift(node, indices.REVIEWS, canceled.id, 31, "created", "cancellation.at")
    shift(node, indices.REVIEWS, recent.id, 29, "sign_off.at")
    shift(node, indices.REVIEWS, recent.id, 400, "created", "snapshot.generated_at")
    for review in (open_one, failed, signing):
        shift(node, indices.REVIEWS, review.id, 400, "created", "snapshot.generated_at")

    assert delete_old_records("--dry-run").count("access review Quarter") == 3
    output = delete_old_records()
    assert f"Deleted: access review Quarter ({old.id}), 2 documents, " in output
    assert f"Deleted: access review Quarter ({failed.id}), 2 documents, " in output
    assert f"Deleted: access review Quarter ({canceled.id}), 2 documents, " in output
    assert output.count("\n") == 3
    for review in (old, failed, canceled):
        with pytest.raises(errors.ReviewNotFound):
            reviews.get_with_items(review.id, [1])
    for review in (recent, open_one, signing):
        assert len(reviews.get_with_items(review.id, [1])[1]) == 1
    events = [event for event in trail(node, target=old.id) if event.action == "records-delete"]
    assert [(event.kind, event.outcome, event.details["name"], event.details["documents"]) for event in events] == [
        ("review", "success", "Quarter", "2")
    ]
    assert delete_old_records() == "Nothing to delete.\n"


def test_a_deletion_that_was_interrupted_is_completed(
    node: TestNode, retained: Callable[..., None], person: Callable[[str], PersonClient]
) -> None:
    retained(REVIEWS_RETENTION_DAYS=30, JOBS_RETENTION_DAYS=30)
    review, open_one = ended_review(node, person("otto")), start_review(person("otto"), UserQuery(q="jdoe"))
    job, planned = finished_job(node, person("ada")), planned_job(person("ada"))
    node.elastic.delete(index=indices.REVIEWS, id=review.id, refresh=True)
    node.elastic.delete(index=indices.JOBS, id=job.id, refresh=True)
    output = delete_old_records()
    assert output == f"Deleted: access review {review.id}, 1 documents\nDeleted: bulk change {job.id}, 1 documents\n"
    assert (reviews.count_items(review.id), reviews.count_items(open_one.id)) == (0, 1)
    assert (jobs.count_parts(job.id), jobs.count_parts(planned.id)) == (0, 1)
    assert delete_old_records() == "Nothing to delete.\n"


def test_a_bulk_change_that_is_resumed_meanwhile_is_kept(
    node: TestNode, retained: Callable[..., None], person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else is kept for that."""
    retained(JOBS_RETENTION_DAYS=30)
    job, other = finished_job(node, person("ada")), finished_job(node, person("ada"))
    shift(node, indices.JOBS, job.id, 32, "created", "finished")
    shift(node, indices.JOBS, other.id, 31, "created", "finished")
    delete = retention.delete

    def resume_first(administrator: Any, old: retention.OldRecords) -> None:
        if old.id == job.id:
            put_steps([replace(step, state="pending") for step in all_steps(job, "success")])  # as a retry leaves them
            jobs.resume(person("ada"), job.id)
        delete(administrator, old)

    monkeypatch.setattr(retention, "delete", resume_first)
    output = delete_old_records()
    assert "Changed at the same time\n" in output
    assert output.endswith("Not all old records were deleted. (1)")
    assert f"({other.id})" in output
    assert jobs.get(job.id).state == "running"
    assert [event.outcome for event in trail(node, action="records-delete")] == ["failure", "success"]


def planned_job(ada: PersonClient) -> jobs.Job:
    job = jobs.create(ada, "deactivate", (), ("jdoe",), "1 selected user")
    while (job := jobs.advance(ada, job.id, lambda *_: "")).state == "planning":
        pass
    return job


def finished_job(node: TestNode, ada: PersonClient) -> jobs.Job:
    node.put_user("jdoe")
    job = planned_job(ada)
    jobs.start(ada, job.id)
    while (job := jobs.advance(ada, job.id, lambda *_: "")).state == "running":
        pass
    assert job.state == "finished"
    jobs.refresh()
    return job


def test_finished_bulk_changes(node: TestNode, retained: Callable[..., None], person: Callable[[str], PersonClient]) -> None:
    retained(JOBS_RETENTION_DAYS=30)
    ada = person("ada")
    old, recent, planned, paused, running = (
        finished_job(node, ada),
        finished_job(node, ada),
        planned_job(ada),
        planned_job(ada),
        planned_job(ada),
    )
    jobs.start(ada, paused.id)
    jobs.pause(ada, paused.id)
    jobs.start(ada, running.id)
    shift(node, indices.JOBS, old.id, 31, "created", "finished")
    shift(node, indices.JOBS, recent.id, 400, "created")
    shift(node, indices.JOBS, recent.id, 29, "finished")
    for job in (planned, paused, running):
        shift(node, indices.JOBS, job.id, 400, "created")
    output = delete_old_records()
    assert output.startswith(f"Deleted: bulk change Deactivate users ({old.id}), 2 documents, ")
    assert output.count("\n") == 1
    with pytest.raises(errors.JobNotFound):
        jobs.get(old.id)
    assert jobs.count_parts(old.id) == 0
    assert {job.id for job in jobs.all_jobs()} == {recent.id, planned.id, paused.id, running.id}
    assert all(jobs.count_parts(job.id) for job in (recent, planned, paused, running))
    event = next(event for event in trail(node, action="records-delete"))
    assert (event.target, event.kind, event.outcome, event.details["job"]) == ("Deactivate users", "job", "success", old.id)


def test_old_runs_of_the_checks(node: TestNode, retained: Callable[..., None], person: Callable[[str], PersonClient]) -> None:
    """Never the latest one, and the one it was compared with."""
    retained(FINDINGS_RETENTION_DAYS=30)
    otto = person("otto")
    first, second, third = (run_through(node, otto) for _ in range(3))
    abandoned = findings.start(otto)
    for run, days in ((first, 90), (second, 80), (third, 70)):
        shift(node, indices.FINDINGS, run.id, days, "started", "finished")
    shift(node, indices.FINDINGS, abandoned.id, 60, "started")
    chunks = [id for found in findings.get(first.id).chunks.values() for id, _ in found]
    assert chunks
    output = delete_old_records()
    assert [line.split(",")[0] for line in output.splitlines()] == [
        f"Deleted: run of the checks {first.id}",
        f"Deleted: run of the checks {abandoned.id}",
    ]
    assert f"{first.id}, {1 + len(chunks)} documents, " in output
    node.elastic.indices.refresh(index=indices.FINDINGS)
    assert {run.id for run in findings.history()} == {second.id, third.id}
    assert not any(document["found"] for document in node.elastic.mget(index=indices.FINDINGS, ids=chunks)["docs"])
    assert third.previous == second.id
    assert delete_old_records() == "Nothing to delete.\n"

    shift(node, indices.FINDINGS, second.id, -60, "started", "finished")
    active = findings.start(otto)
    assert active.previous == second.id, "the newest one that is finished"
    output = delete_old_records()
    assert third.id in output
    node.elastic.indices.refresh(index=indices.FINDINGS)
    assert {run.id for run in findings.history()} == {second.id, active.id}


def test_a_month_is_not_created_again_by_a_session_of_it(node: TestNode, retained: Callable[..., None]) -> None:
    session = {"username": "jdoe", "realm": "native1", "realm_type": "native", "created": "", "expires": MIDDLE.isoformat()}
    retained(AUDIT_RETENTION_DAYS=100)
    audit.record_expired_sessions({"a" * 40: session})
    assert OLD not in months(node)
    recent = timezone.now().isoformat()
    audit.record_expired_sessions({"b" * 40: {**session, "expires": recent}})
    assert [event.target for event in trail(node, action="session-expire")] == ["jdoe"]
    retained(AUDIT_RETENTION_DAYS=0)
    audit.record_expired_sessions({"a" * 40: session})
    assert OLD in months(node)


class TestAShorterTrail:
    """What pages and commands say once the oldest months are gone."""

    def test_sign_off(self, node: TestNode, person: Callable[[str], PersonClient], signed_in: Callable[..., Client]) -> None:
        review = ended_review(node, person("otto"))
        trail(node)
        assert reviews.verify(review).state == "verified"
        otto = signed_in("otto")
        url = f"/reviews/check/{review.id}"
        signed = next(event for event in trail(node, action="review-sign-off"))
        delete_events(node, {"term": {"event.id": signed.id}})
        assert "This can take a second" in text(otto, url)
        assert "This event isn't in the audit trail." in text(otto, reverse("audit_event", args=[signed.id]), status=404)

        shift(node, indices.REVIEWS, review.id, 10, "sign_off.at", "created")
        page = text(otto, url)
        assert "This report can't be verified" in page
        assert "after the sign-off" in page
        put_month(node, timezone.now() - timedelta(days=40))
        assert "before the sign-off. Someone may have deleted the event" in text(otto, url)
        node.elastic.update(index=indices.REVIEWS, id=f"{review.id}-1", doc={"row": {"email": "x"}}, refresh=True)
        page = text(otto, url)
        assert "The decisions were modified after the sign-off." in page
        assert "The event isn't there anymore." in page

    def test_who_removed_a_user(
        self, node: TestNode, person: Callable[[str], PersonClient], signed_in: Callable[..., Client]
    ) -> None:
        node.put_user("jdoe")
        review = start_review(person("otto"), UserQuery(q="jdoe"))
        decide(person("otto"), review, 1, "remove")
        review = sign_off(person("otto"), review)
        users.delete(person("ada"), "jdoe")
        url = f"/reviews/report/{review.id}"
        deleted = next(event for event in trail(node, target="jdoe") if event.action == "user-delete")
        assert deleted.id[:8] in text(signed_in("otto"), url)
        delete_events(node, {"term": {"event.id": deleted.id}})
        shift(node, indices.REVIEWS, review.id, 10, "sign_off.at")
        older = put_month(node, MIDDLE)
        assert "Changed outside usermgmt" in text(signed_in("otto"), url)
        node.elastic.indices.delete(index=older)
        page = text(signed_in("otto"), url)
        assert "Not known who changed it: the audit trail starts on" in page
        assert "Changed outside usermgmt" not in page

    def test_a_bulk_change_that_was_interrupted_before(self, node: TestNode, person: Callable[[str], PersonClient]) -> None:
        """It isn't known whether the change was made, so it isn't made again."""
        node.put_user("jdoe")
        ada = person("ada")
        job = planned_job(ada)
        jobs.start(ada, job.id)
        jobs.refresh()
        step: Step = next(jobs.all_steps(job))
        begun = timezone.now() - timedelta(days=400)
        put_steps([Step(**{**vars(step), "state": "started", "begun": begun, "request": "gone"})])
        job = jobs.advance(ada, job.id, lambda *_: "")
        jobs.refresh()
        step = next(jobs.all_steps(job))
        assert (step.state, step.reason) == ("unknown", job_run.NO_LONGER_RECORDED)
        assert (node.user("jdoe") or {})["enabled"]
        assert jobs.verify(ada, job.id) == 0

    def test_history_activity_and_replay(
        self,
        node: TestNode,
        person: Callable[[str], PersonClient],
        signed_in: Callable[..., Client],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        ada = person("ada")
        for name in ("first", "second"):
            users.create(ada, User(name, full_name=name.title()), PASSWORD)
        trail(node)
        delete_events(node, {"match_all": {}})
        users.update(ada, users.get(ada, "second"), User("second", full_name="Another"))
        trail(node)
        start = audit.trail_start()
        assert start
        otto = signed_in("otto")
        page = text(otto, "/users/history/first")
        assert f"Password changed: no record since {start:%Y-%m-%d}" in page
        assert "No events recorded for this user." in page
        assert f"The audit trail starts on {start:%Y-%m-%d %H:%M}" in page
        assert f"no record since {start:%Y-%m-%d}" in text(otto, "/users/?q=first&view=activity")
        monkeypatch.setenv("ELASTICSEARCH_USERNAME", "otto")
        monkeypatch.setenv("ELASTICSEARCH_PASSWORD", PASSWORD)
        out = StringIO()
        call_command("check_audit_trail", stdout=out)
        assert f"The audit trail starts on {start:%Y-%m-%d %H:%M} UTC. Older changes were not compared." in out.getvalue()
        assert "Users in the audit trail: 1." in out.getvalue()
        assert out.getvalue().endswith("All users are as the audit trail has them.\n")


def delete_events(node: TestNode, query: dict[str, Any]) -> None:
    """Behind the product's back."""
    found = node.elastic.search(index=indices.AUDIT_PATTERN, expand_wildcards="all", query=query, size=1000)["hits"]["hits"]
    operations = [{"delete": {"_index": hit["_index"], "_id": hit["_id"]}} for hit in found]
    node.elastic.bulk(operations=operations, refresh=True)


def test_the_page_system(node: TestNode, retained: Callable[..., None], signed_in: Callable[..., Client]) -> None:
    put_month(node, MIDDLE)
    ada = signed_in("ada")
    page = text(ada, "/system/")
    assert "The last 10 runs" in page
    assert "_DAYS=" not in page
    assert "Oldest audit event: 2020-01-15 12:00 UTC" in page
    retained(AUDIT_RETENTION_DAYS=1095, FINDINGS_RETENTION_DAYS=40)
    page = text(ada, "/system/")
    assert "Kept; AUDIT_RETENTION_DAYS=1095: deleted by delete_old_records 1,095 days after the end of the month" in page
    assert "The last 10 runs; FINDINGS_RETENTION_DAYS=40: deleted by delete_old_records 40 days after the end of a run" in page
