"""Bulk changes on real nodes: preview, batches, failures, retry, a killed process, and what the audit trail has of them."""

import csv
import html
import io
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import replace
from datetime import timedelta
from typing import Any

import bcrypt
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from elastic_transport import Transport
from elasticsearch import Elasticsearch
from pytest_django import Settings

from accounts import bulk_policy
from accounts.services import audit, errors, jobs
from accounts.services.audit import reading
from accounts.services.client import CredentialsMixin, PersonClient, service_client
from accounts.services.cluster import own_roles
from accounts.services.documents import indices, locks
from accounts.services.documents import store as documents_store
from accounts.services.jobs import Job, batch, claims, plan, records, run, store
from accounts.services.jobs.records import Change, Step
from accounts.services.jobs.store import StepQuery
from accounts.services.users import User, UserQuery
from tests.support.api_keys import create_key, works
from tests.support.cast import PASSWORD
from tests.support.faults import faulty
from tests.support.nodes import TestNode
from tests.support.traces import trail

HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2a$")


@pytest.fixture(autouse=True)
def batches_end_when_all_are_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(batch, "SECONDS_PER_BATCH", 600)


def make(node: TestNode, names: list[str], **body: Any) -> None:
    for name in names:
        refresh = name == names[-1]
        node.elastic.security.put_user(username=name, **{"password_hash": HASH, "roles": ["viewer"], "refresh": refresh, **body})


def active(node: TestNode, names: list[str]) -> set[str]:
    query = {"bool": {"filter": [{"terms": {"username": names}}, {"term": {"enabled": True}}]}}
    return {user["username"] for user in node.elastic.security.query_user(query=query, size=100)["users"]}


def allows_all(action: jobs.Action, user: User, wanted: User | None) -> str:
    return ""


def results(job: Job) -> dict[str, tuple[str, str]]:
    store.refresh()
    return {step.username: (step.state, step.reason) for step in store.all_steps(store.get(job.id))}


def the_job() -> Job:
    return jobs.all_jobs()[0]


def finish(client: Client) -> Job:
    job = the_job()
    while (job := store.get(job.id)).state in ("planning", "running"):
        assert client.post(f"/users/jobs/advance/{job.id}").status_code == 302
    return job


def control(client: Client, command: str) -> None:
    assert client.post(f"/users/jobs/control/{the_job().id}", {"command": command}).status_code == 302


def text(client: Client, url: str) -> str:
    return " ".join(html.unescape(client.get(url).content.decode()).split())


def test_thirty_users_one_of_whom_fails(node: TestNode, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "BATCH_SIZE", 20)
    monkeypatch.setattr(claims, "STEPS_AT_ONCE", 12)
    names = [f"bulk-{number:02}" for number in range(30)]
    make(node, names)
    node.elastic.security.disable_user(username="bulk-03")
    ada = signed_in("ada")
    assert "30 users that match the filter" in text(ada, "/users/jobs/create?filter=q%3Dbulk")
    response = ada.post("/users/jobs/create", {"users": "matching", "filter": "q=bulk", "action": "deactivate"})
    job = finish(ada)
    assert response.headers["Location"] == f"/users/jobs/view/{job.id}"
    page = text(ada, f"/users/jobs/view/{job.id}")
    assert "29 of 30 users will change" in page
    assert "1 user: This user is already deactivated." in page
    assert "Deactivate 29 users" in page
    assert active(node, names) == set(names) - {"bulk-03"}, "a preview changes nothing"

    control(ada, "start")
    with faulty(node) as fault:
        settings.ELASTICSEARCH_HOSTS = [fault.url]
        fault.answers["PUT /_security/user/bulk-07/_disable"] = 503
        job = finish(ada)
    settings.ELASTICSEARCH_HOSTS = [node.url]
    assert "28 of 29 changed, 1 failed, 1 skipped" in text(ada, f"/users/jobs/view/{job.id}")
    failed = text(ada, f"/users/jobs/view/{job.id}?state=failure")
    assert "bulk-07" in failed
    assert "bulk-08" not in failed
    assert "Temporarily rejected by Elasticsearch" in failed

    control(ada, "retry")
    job = finish(ada)
    assert Counter(state for state, _ in results(job).values()) == {"success": 29, "skipped": 1}
    assert active(node, names) == set()
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    events = audit.search(audit.Query(action="user-disable", size=100)).events
    assert Counter(event.target for event in events) == {name: 1 + (name == "bulk-07") for name in names if name != "bulk-03"}
    assert {event.actor.username for event in events} == {"ada"}
    actions = [event.action for event in trail(node, kind="job")]
    assert actions == ["job-start", "job-finish", "job-retry", "job-finish"]
    file = ada.get(f"/users/jobs/export/{job.id}?format=csv-semicolon").getvalue().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(file), delimiter=";"))
    assert rows[0] == ["Username", "Action", "Roles", "Roles before", "Result", "Details"]
    assert rows[4] == ["bulk-03", "Deactivate users", "", "viewer", "Skipped", "This user is already deactivated."]
    assert len(rows) == 31


def test_each_failure_is_named_and_only_they_are_repeated(node: TestNode, signed_in: Callable[..., Client]) -> None:
    statuses = {"fails-403": 403, "fails-409": 409, "fails-503": 503, "fails-500": 500}
    make(node, [*statuses, "first", "second"])
    with faulty(node) as fault:
        settings.ELASTICSEARCH_HOSTS = [fault.url]
        ada = signed_in("ada")
        ada.post("/users/jobs/create", {"users": "selected", "username": [*statuses, "first", "second"], "action": "delete"})
        control(ada, "start")
        fault.answers |= {f"DELETE /_security/user/{name}": status for name, status in statuses.items()}
        job = finish(ada)
        assert results(job) == {
            "fails-403": ("failure", "access_denied"),
            "fails-409": ("failure", "conflict"),
            "fails-503": ("failure", "declined"),
            "fails-500": ("unknown", "outcome_unknown"),
            "first": ("success", ""),
            "second": ("success", ""),
        }
        fault.answers.clear()
        node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
        control(ada, "verify")
        assert results(job)["fails-500"] == ("failure", "Verified: the change was not applied.")
        make(node, ["first"])  # somebody else, who must not be deleted
        control(ada, "retry")
        job = finish(ada)
    settings.ELASTICSEARCH_HOSTS = [node.url]
    assert {state for state, _ in results(job).values()} == {"success"}
    assert node.usernames() & {*statuses, "first", "second"} == {"first"}


def test_filter_for_administrators(node: TestNode, signed_in: Callable[..., Client]) -> None:
    make(node, ["bulk-clerk"])
    make(node, ["bulk-chief"], roles=["superuser"])
    ada = signed_in("ada")
    ada.post("/users/jobs/create", {"users": "matching", "filter": "q=bulk-&flag=administrator", "action": "deactivate"})
    assert results(finish(ada)).keys() == {"bulk-chief"}


def test_who_is_skipped_and_roles(node: TestNode, signed_in: Callable[..., Client]) -> None:
    make(node, ["jane", "john"])
    make(node, ["idle"], roles=["viewer", "editor", "gone"], enabled=False, full_name="Idle", metadata={"team": "x"})
    ada = signed_in("ada")
    chosen = {"users": "selected", "username": ["jane", "elastic", "ada", "ghost", "idle"]}
    ada.post("/users/jobs/create", {**chosen, "action": "deactivate"})
    reasons = {name: reason for name, (state, reason) in results(the_job()).items() if state == "skipped"}
    assert reasons == {
        "elastic": plan.BUILT_IN,
        "ada": "You can't deactivate your own account. Ask another administrator.",
        "ghost": plan.NO_USER,
        "idle": "This user is already deactivated.",
    }
    id = the_job().id
    control(ada, "discard")
    assert jobs.all_jobs() == []
    (discarded,) = trail(node, action="job-discard")
    assert (discarded.actor.username, discarded.target, discarded.outcome) == ("ada", "Deactivate users", "success")
    assert discarded.details["job"] == id

    refused = ada.post("/users/jobs/create", {**chosen, "action": "add-roles", "roles": ["gone"]})
    assert (refused.status_code, "Role 'gone' doesn't exist." in html.unescape(refused.content.decode())) == (422, True)
    assert ada.post("/users/jobs/create", {**chosen, "action": "add-roles"}).status_code == 422
    for action, names, expected in (
        ("add-roles", ["editor"], {"jane": ["viewer", "editor"], "idle": ["viewer", "editor", "gone"]}),
        ("remove-roles", ["gone", "viewer"], {"jane": ["editor"], "idle": ["editor"]}),
        ("replace-roles", ["viewer"], {"jane": ["viewer"], "idle": ["viewer"]}),
    ):
        ada.post("/users/jobs/create", {"users": "selected", "username": ["jane", "idle"], "action": action, "roles": names})
        control(ada, "start")
        finish(ada)
        assert {name: node.user(name)["roles"] for name in ("jane", "idle")} == expected  # type: ignore[index]
    kept = node.user("idle")
    assert kept
    assert (kept["enabled"], kept["full_name"], kept["metadata"]) == (False, "Idle", {"team": "x"})

    ada.post("/users/jobs/create", {"users": "selected", "username": ["ada"], "action": "remove-roles", "roles": ["user_admin"]})
    assert results(the_job())["ada"] == (
        "skipped",
        "You can't remove your own permission to manage users. Ask another administrator.",
    )
    ada.post("/users/jobs/create", {"users": "selected", "username": ["jane"], "action": "replace-roles", "roles": ["editor"]})
    node.put_user("jane", roles=["superuser"])
    control(ada, "start")
    finish(ada)
    assert results(the_job())["jane"] == ("failure", run.CHANGED_SINCE)


def test_new_passwords(node: TestNode, signed_in: Callable[..., Client]) -> None:
    """Each works, is downloaded once, by who carried it out, and is nowhere in plain text."""
    make(node, ["jane", "john", "gone"])
    node.put_user("eve", roles=["user_admin"])
    ada, eve = signed_in("ada"), signed_in("eve")
    names = ["jane", "john", "gone", "elastic", "ada"]
    ada.post("/users/jobs/create", {"users": "selected", "username": names, "action": "reset-passwords", "revoke_keys": "on"})
    job = the_job()
    assert {name: reason for name, (state, reason) in results(job).items() if state == "skipped"} == {
        "elastic": plan.BUILT_IN,
        "ada": bulk_policy.OWN_RESET,
    }
    page = text(ada, f"/users/jobs/view/{job.id}")
    assert "Reset passwords of 3 users" in page
    assert "Download passwords" not in page
    node.elastic.security.delete_user(username="gone", refresh=True)
    control(ada, "start")
    finish(ada)
    assert results(job)["gone"] == ("skipped", plan.NO_USER)
    url = f"/users/jobs/passwords/{job.id}"
    assert "Download passwords" not in text(eve, f"/users/jobs/view/{job.id}")
    assert eve.post(url).status_code == 409
    assert "Download passwords" in text(ada, f"/users/jobs/view/{job.id}")
    rows = list(csv.reader(io.StringIO(ada.post(url, {"format": "csv"}).getvalue().decode("utf-8-sig"))))
    assert [(row[0], row[2]) for row in rows] == [("Username", "Result"), ("jane", "Success"), ("john", "Success")]
    for name, password, _ in rows[1:]:
        assert node.signs_in(name, password)
    assert ada.post(url).status_code == 409
    page = text(ada, f"/users/jobs/view/{job.id}")
    assert "<bdi>ada</bdi> downloaded the new passwords" in page
    assert "Download passwords" not in page
    node.elastic.indices.refresh(index="usermgmt-*", expand_wildcards="all")
    stored = str(node.elastic.search(index="usermgmt-*", size=1000, expand_wildcards="all")["hits"]["hits"])
    assert "jane" in stored
    assert rows[1][1] not in stored
    assert {step.secret for step in store.all_steps(store.get(job.id)) if step.state == "success"} == {""}
    exported = next(event for event in trail(node, kind="job") if event.action == "export")
    assert exported.details["passwords"] == "2"


def test_new_passwords_of_two_administrators(
    node: TestNode, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each downloads those that they set, also after the other has resumed or retried the bulk change."""
    monkeypatch.setattr(batch, "SECONDS_PER_BATCH", 0)
    make(node, ["jane", "john"])
    node.put_user("eve", roles=["user_admin"])
    ada, eve = signed_in("ada"), signed_in("eve")
    ada.post("/users/jobs/create", {"users": "selected", "username": ["jane", "john"], "action": "reset-passwords"})
    control(ada, "start")
    job = the_job()
    ada.post(f"/users/jobs/advance/{job.id}")
    control(ada, "pause")
    control(eve, "resume")
    ada.post(f"/users/jobs/advance/{job.id}")
    assert Counter(state for state, _ in results(job).values()) == {"success": 1, "pending": 1}, "only the operator goes on"
    finish(eve)
    url = f"/users/jobs/passwords/{job.id}"

    def downloaded(client: Client) -> list[str]:
        return [line.partition(",")[0] for line in client.post(url).getvalue().decode().splitlines()[1:]]

    for command in ("resume", "retry"):
        assert eve.post(f"/users/jobs/control/{job.id}", {"command": command}).status_code == 409, "nothing is left to do"
    assert downloaded(eve) == ["john"]
    assert "<bdi>eve</bdi> downloaded the new passwords" in text(ada, f"/users/jobs/view/{job.id}")
    assert eve.post(url).status_code == 409
    assert downloaded(ada) == ["jane"]
    assert ada.post(url).status_code == 409


def test_new_passwords_are_set_once(node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the process ends before it has noted what it did."""
    make(node, ["jane", "john"])
    ada = person("ada")
    job = jobs.create(ada, "reset-passwords", (), UserQuery(q="j"), "x")
    jobs.advance(ada, job.id, allows_all)
    jobs.start(ada, job.id)
    put_steps, written = store.put_steps, list[int]()

    def failing(steps: Sequence[Step]) -> list[Step]:
        written.append(len(steps))
        if len(written) > 1:
            raise errors.Unavailable("only the first write isn't of a result")
        return put_steps(steps)

    with monkeypatch.context() as patch:
        patch.setattr(store, "put_steps", failing)
        with pytest.raises(errors.Unavailable):
            jobs.advance(ada, job.id, allows_all)
    assert {state for state, _ in results(job).values()} == {"started"}
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    monkeypatch.setattr(run, "ABANDONED_AFTER", run.ABANDONED_AFTER * 0)
    while jobs.advance(ada, job.id, allows_all).state == "running":
        pass
    assert results(job) == dict.fromkeys(["jane", "john"], ("success", ""))
    changed = [event.target for event in trail(node, action="password-change") if event.target in ("jane", "john")]
    assert sorted(changed) == ["jane", "john"], "nobody twice"


def test_new_passwords_after_a_change_of_the_secret_key(
    node: TestNode, settings: Settings, signed_in: Callable[..., Client]
) -> None:
    make(node, ["jane", "john"])
    ada, keys = signed_in("ada"), ["x" * 64, settings.SECRET_KEY]
    ada.post("/users/jobs/create", {"users": "selected", "username": ["jane", "john"], "action": "reset-passwords"})

    settings.SECRET_KEY = keys[0]
    ada = signed_in("ada")
    refused = ada.post(f"/users/jobs/control/{the_job().id}", {"command": "start"})
    assert refused.status_code == 409
    assert "SECRET_KEY_FALLBACKS" in refused.content.decode()
    assert "SECRET_KEY_FALLBACKS" in text(ada, f"/users/jobs/view/{the_job().id}")
    settings.SECRET_KEY_FALLBACKS = keys[1:]
    control(ada, "start")
    job = finish(ada)
    assert results(job)["jane"] == ("success", "")

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS, url = "y" * 64, [], f"/users/jobs/passwords/{job.id}"
    ada = signed_in("ada")
    assert ada.post(url).status_code == 409
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = keys[0], keys[1:]
    ada = signed_in("ada")
    rows = list(csv.reader(io.StringIO(ada.post(url, {"format": "csv"}).getvalue().decode("utf-8-sig"))))[1:]
    assert len(rows) == 2
    assert all(node.signs_in(name, password) for name, password, _ in rows)


def test_a_new_password_that_is_refused_and_retried(node: TestNode, signed_in: Callable[..., Client]) -> None:
    make(node, ["jane", "john"])
    with faulty(node) as fault:
        settings.ELASTICSEARCH_HOSTS = [fault.url]
        ada = signed_in("ada")
        ada.post("/users/jobs/create", {"users": "selected", "username": ["jane", "john"], "action": "reset-passwords"})
        control(ada, "start")
        fault.answers["PUT /_security/user/john/_password"] = 503
        job = finish(ada)
        assert results(job) == {"jane": ("success", ""), "john": ("failure", "declined")}
        url = f"/users/jobs/passwords/{job.id}"
        assert "john" not in ada.post(url).getvalue().decode()
        fault.answers.clear()
        control(ada, "retry")
        finish(ada)
        assert ada.post(url).getvalue().decode().splitlines()[1].startswith("john,")
    settings.ELASTICSEARCH_HOSTS = [node.url]


@pytest.fixture
def refreshed(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Whether the index was refreshed after each user's last `PUT`."""
    seen: dict[str, bool] = {}
    perform = CredentialsMixin.perform_request

    def watched(caller: CredentialsMixin, method: str, path: str, **call: Any) -> Any:
        if method == "PUT" and path.startswith("/_security/user/"):
            seen[path.removeprefix("/_security/user/")] = (call.get("params") or {}).get("refresh") is None  # the default is true
        return perform(caller, method, path, **call)

    monkeypatch.setattr(CredentialsMixin, "perform_request", watched)
    return seen


def test_one_refresh_makes_all_changes_of_a_batch_visible(
    node: TestNode, signed_in: Callable[..., Client], refreshed: dict[str, bool]
) -> None:
    names = [f"bulk-{number}" for number in range(9)]
    make(node, names)
    ada = signed_in("ada")

    def change(action: str, role: str) -> set[str]:
        """The users whose change was refreshed."""
        refreshed.clear()
        ada.post("/users/jobs/create", {"users": "matching", "filter": "q=bulk", "action": action, "roles": [role]})
        control(ada, "start")
        finish(ada)
        return {name for name, was in refreshed.items() if was}

    def found(role: str) -> set[str]:
        query = {"bool": {"filter": [{"terms": {"username": names}}, {"term": {"roles": role}}]}}
        return {user["username"] for user in node.elastic.security.query_user(query=query, size=100)["users"]}

    assert change("add-roles", "superuser") == {"bulk-8"}
    assert found("superuser") == set(names)
    assert change("remove-roles", "superuser") == set(names), "who removes another administrator searches for those who are left"
    assert found("superuser") == set()


@pytest.fixture
def keys(node: TestNode) -> dict[str, list[Elasticsearch]]:
    """Two clients with API keys of each of three superusers; one without keys."""
    make(node, ["jane", "john", "jill", "idle"], roles=["superuser"])
    return {name: [create_key(node, name) for _ in "12"] for name in ("jane", "john", "jill")}


def test_nobody_has_api_keys(node: TestNode, signed_in: Callable[..., Client]) -> None:
    """Elasticsearch then answers without aggregations."""
    make(node, ["idle"])
    signed_in("ada").post("/users/jobs/create", {"users": "selected", "username": ["idle"], "action": "revoke-api-keys"})
    assert results(the_job()) == {"idle": ("skipped", plan.NO_KEYS)}


def test_api_keys_are_revoked(node: TestNode, signed_in: Callable[..., Client], keys: dict[str, list[Elasticsearch]]) -> None:
    """By themselves, and before users are deactivated or deleted; if one can't be, its owner stays as they are."""
    ada = signed_in("ada")
    chosen = {"users": "selected", "username": ["jane", "idle", own_roles.SERVICE, "ada"]}
    ada.post("/users/jobs/create", {**chosen, "action": "revoke-api-keys"})
    job = the_job()
    assert results(job) == {
        "jane": ("pending", ""),
        "idle": ("skipped", plan.NO_KEYS),
        own_roles.SERVICE: ("skipped", plan.OWN_KEY),
        "ada": ("skipped", bulk_policy.OWN_KEYS),
    }
    assert "Active API keys at the time of the preview: 2." in text(ada, f"/users/jobs/view/{job.id}")
    control(ada, "start")
    assert results(finish(ada))["jane"] == ("success", "")
    assert "will be revoked" not in text(ada, f"/users/jobs/view/{job.id}")
    assert [works(key) for key in keys["jane"]] == [False, False]
    assert "jane" in active(node, ["jane"])

    with faulty(node) as fault:
        settings.ELASTICSEARCH_HOSTS = [fault.url]
        ada.post("/users/jobs/create", {"users": "selected", "username": ["john"], "action": "delete", "revoke_keys": "on"})
        control(ada, "start")
        fault.answers["DELETE /_security/api_key"] = 503
        job = finish(ada)
        state, reason = results(job)["john"]
        assert (state, reason.partition(":")[0]) == ("failure", "2 API keys were not revoked, and the user wasn't changed")
        fault.answers.clear()
    settings.ELASTICSEARCH_HOSTS = [node.url]
    assert "john" in node.usernames()
    control(ada, "retry")
    assert results(finish(ada))["john"] == ("success", "")
    assert "john" not in node.usernames()
    assert [works(key) for key in keys["john"]] == [False, False]

    ada.post("/users/jobs/create", {"users": "selected", "username": ["jill"], "action": "delete"})
    preview = text(ada, f"/users/jobs/view/{the_job().id}")
    assert "1 of 1 user will be deleted" in preview
    assert "Will be deleted" in preview
    control(ada, "start")
    assert results(finish(ada))["jill"] == ("success", "")
    assert [works(key) for key in keys["jill"]] == [True, True], "as Elasticsearch does it"


def test_pause_and_another_administrator(node: TestNode, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "SECONDS_PER_BATCH", 0)
    make(node, [f"bulk-{number}" for number in range(5)])
    node.put_user("eve", roles=["user_admin"])
    ada, eve = signed_in("ada"), signed_in("eve")
    ada.post("/users/jobs/create", {"users": "matching", "filter": "q=bulk", "action": "deactivate"})
    control(ada, "start")
    job = the_job()
    ada.post(f"/users/jobs/advance/{job.id}")
    control(ada, "pause")
    ada.post(f"/users/jobs/advance/{job.id}")
    assert Counter(state for state, _ in results(job).values()) == {"success": 1, "pending": 4}
    assert ada.post(f"/users/jobs/control/{job.id}", {"command": "start"}).status_code == 409

    control(eve, "resume")
    assert "Carried out by <bdi>eve</bdi>" in text(ada, f"/users/jobs/view/{job.id}")
    of_htmx = {"HX-Request": "true", "HX-Target": "job-progress"}
    assert "1 of 5 users" in ada.get(f"/users/jobs/view/{job.id}", headers=of_htmx).content.decode()
    finish(eve)
    assert ada.get(f"/users/jobs/view/{job.id}", headers=of_htmx).headers["HX-Redirect"] == f"/users/jobs/view/{job.id}"
    assert Counter(event.actor.username for event in trail(node, action="user-disable")) == {"ada": 1, "eve": 4}
    assert signed_in("otto").get(f"/users/jobs/view/{job.id}").status_code == 200


def test_the_last_batch_ends_the_job(node: TestNode, person: Callable[[str], PersonClient]) -> None:
    make(node, ["bulk-1", "bulk-2"])
    ada = person("ada")
    job = jobs.advance(ada, jobs.create(ada, "deactivate", (), UserQuery(q="bulk"), "x").id, allows_all)
    jobs.start(ada, job.id)
    assert jobs.advance(ada, job.id, allows_all).state == "finished"
    assert trail(node, kind="job")[-1].action == "job-finish"


def test_a_pause_during_the_last_changes_stays(
    node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(node, ["bulk-1", "bulk-2"])
    ada = person("ada")
    job = jobs.advance(ada, jobs.create(ada, "deactivate", (), UserQuery(q="bulk"), "x").id, allows_all)
    jobs.start(ada, job.id)
    change = run._change

    def pausing(client: PersonClient, of: Job, each: Change, *, refresh: bool) -> None:
        change(client, of, each, refresh=refresh)
        if each.step.username == "bulk-2":
            Context().run(jobs.pause, ada, job.id)  # not as the change that is being made

    monkeypatch.setattr(run, "_change", pausing)
    monkeypatch.setattr(run, "_is_wanted", lambda *_: True)  # read before the pause
    assert jobs.advance(ada, job.id, allows_all).state == "paused"
    assert "job-finish" not in [event.action for event in trail(node, kind="job")]


@pytest.fixture
def five(node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job that deactivates five users, and takes the step of each by itself."""
    make(node, [f"bulk-{number}" for number in range(5)])
    monkeypatch.setattr(claims, "STEPS_AT_ONCE", 1)
    ada = person("ada")
    job = jobs.advance(ada, jobs.create(ada, "deactivate", (), UserQuery(q="bulk"), "x").id, allows_all)
    return jobs.start(ada, job.id)


def before_change(monkeypatch: pytest.MonkeyPatch, username: str, do: Callable[[], object]) -> None:
    change = run._change

    def watched(client: PersonClient, job: Job, each: Change, *, refresh: bool) -> None:
        if each.step.username == username:
            do()
        change(client, job, each, refresh=refresh)

    monkeypatch.setattr(run, "_change", watched)


def test_steps_are_taken_while_others_are_being_changed(
    five: Job, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    last_begins, first_waited = threading.Event(), list[bool]()
    before_change(monkeypatch, "bulk-0", lambda: first_waited.append(last_begins.wait(60)))
    before_change(monkeypatch, "bulk-4", last_begins.set)
    assert jobs.advance(person("ada"), five.id, allows_all).state == "finished"
    assert first_waited == [True]
    assert {state for state, _ in results(five).values()} == {"success"}


def test_a_pause_and_results_during_a_batch(
    five: Job, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "AHEAD", 1)
    shown: list[int] = []

    def show_and_pause() -> None:
        jobs.refresh()
        shown.append(jobs.counts(five).success)
        Context().run(jobs.pause, person("ada"), five.id)  # not as the change that is being made

    before_change(monkeypatch, "bulk-2", show_and_pause)
    jobs.advance(person("ada"), five.id, allows_all)
    assert shown[0] > 0
    assert jobs.get(five.id).state == "paused"
    found = [state for state, _ in results(five).values()]
    assert set(found) == {"success", "pending"}
    assert found[-1] == "pending"


def test_the_numbers_of_a_batch_that_goes_on(five: Job, signed_in: Callable[..., Client]) -> None:
    """Without the form, whose request is on its way."""
    of_htmx = {"HX-Request": "true", "HX-Target": "job-numbers"}
    numbers = signed_in("ada").get(f"/users/jobs/view/{five.id}", headers=of_htmx).content.decode()
    assert "0 of 5 users" in numbers
    assert "<form" not in numbers


def test_a_page_that_was_open_when_another_one_reached_the_end(node: TestNode, signed_in: Callable[..., Client]) -> None:
    """It shows the preview or the result, and asks no more: also the page itself, if the last response was lost."""
    make(node, ["bulk-00"])
    ada = signed_in("ada")
    ada.post("/users/jobs/create", {"users": "matching", "filter": "q=bulk", "action": "deactivate"})
    for state in ("planned", "finished"):
        job = finish(ada)
        assert job.state == state
        of_htmx = {"HX-Request": "true", "HX-Target": "job-progress"}
        response = ada.post(f"/users/jobs/advance/{job.id}", headers=of_htmx)
        assert response.headers.get("HX-Redirect") == f"/users/jobs/view/{job.id}"
        if state == "planned":
            control(ada, "start")


def test_commands_for_another_state(node: TestNode, signed_in: Callable[..., Client]) -> None:
    """Each says so, and is recorded as a failure, or not at all."""
    make(node, ["jane"])
    ada = signed_in("ada")
    ada.post("/users/jobs/create", {"users": "selected", "username": ["jane"], "action": "deactivate"})
    control(ada, "start")
    finish(ada)
    for command in ("start", "pause", "resume", "retry", "discard"):
        response = ada.post(f"/users/jobs/control/{the_job().id}", {"command": command})
        assert (command, response.status_code) == (command, 409)
    assert [(event.action, event.outcome) for event in trail(node, kind="job")] == [
        ("job-start", "success"),
        ("job-finish", "success"),
    ]


def test_two_starts_at_once(node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch) -> None:
    make(node, ["jane"])
    ada = person("ada")
    job = jobs.advance(ada, jobs.create(ada, "deactivate", (), ["jane"], "x").id, allows_all)
    require, looks = store.require, list[str]()

    def slow(*args: Any) -> Job:
        """The other one starts after the first look at the state."""
        found = require(*args)
        looks.append(found.state)
        if len(looks) == 1:
            jobs.start(ada, job.id)
        return found

    monkeypatch.setattr(store, "require", slow)
    with pytest.raises(errors.JobStateChanged):
        jobs.start(ada, job.id)
    outcomes = [(event.action, event.outcome, event.reason) for event in trail(node, kind="job")]
    assert sorted(outcomes) == [("job-start", "failure", "job_state_changed"), ("job-start", "success", "")]


def test_the_end_is_recorded_once_and_by_the_next_process(
    node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(node, ["jane"])
    ada = person("ada")
    job = jobs.create(ada, "deactivate", (), ["jane"], "x")
    jobs.advance(ada, job.id, allows_all)
    jobs.start(ada, job.id)

    def refused(*args: Any, **more: Any) -> None:
        raise errors.AuditUnavailable("unavailable", "no")

    with monkeypatch.context() as patch:
        patch.setattr(audit, "record_event", refused)
        with pytest.raises(errors.AuditUnavailable):
            jobs.advance(ada, job.id, allows_all)
    with monkeypatch.context() as patch:
        patch.setattr(store, "write", lambda job: (_ for _ in ()).throw(errors.Conflict("another process was first")))
        assert jobs.advance(ada, job.id, allows_all).state == "running"
    assert jobs.advance(ada, job.id, allows_all).state == "finished"
    assert [event.details["success"] for event in trail(node, action="job-finish")] == ["1"]


def test_verifying_goes_on_behind_what_stays_unknown(
    node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MAX_VERIFIED", 2)
    make(node, ["bulk-1", "bulk-2", "bulk-3"])
    ada = person("ada")
    job = jobs.create(ada, "deactivate", (), UserQuery(q="bulk"), "x")
    jobs.advance(ada, job.id, allows_all)
    jobs.start(ada, job.id)
    jobs.advance(ada, job.id, allows_all)
    store.refresh()
    done = list(store.all_steps(job := store.get(job.id)))
    unknown = [replace(step, state="unknown", request=step.request if step.number == 3 else "none") for step in done]
    store.put_steps(unknown)
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    assert sum(jobs.verify(ada, job.id) for _ in range(2)) == 1
    assert {name: state for name, (state, _) in results(job).items()} == {
        "bulk-1": "unknown",
        "bulk-2": "unknown",
        "bulk-3": "success",
    }


def test_an_older_setup(node: TestNode, signed_in: Callable[..., Client], settings: Settings) -> None:
    """Its API key lacks the privileges for the index of bulk changes. Everything else works."""
    role = own_roles.ROLES[own_roles.SERVICE]
    older = [{**part, "names": [name for name in part["names"] if name != indices.JOBS]} for part in role["indices"]]
    key = node.elastic.security.create_api_key(name="older", role_descriptors={"older": {**role, "indices": older}}, refresh=True)
    settings.ELASTICSEARCH_API_KEY = key["encoded"]
    ada = signed_in("ada")
    assert ada.get("/users/").status_code == 200
    for response in (
        ada.get("/users/jobs/"),
        ada.post("/users/jobs/create", {"users": "selected", "username": ["ada"], "action": "activate"}),
    ):
        assert response.status_code == 503
        assert "setup_cluster" in response.content.decode()
    node.elastic.security.invalidate_api_key(ids=[key["id"]])


def test_no_step_is_taken_twice(node: TestNode, person: Callable[[str], PersonClient]) -> None:
    make(node, ["bulk-1", "bulk-2"])
    ada = person("ada")
    job = jobs.create(ada, "delete", (), ["bulk-1", "bulk-2"], "x")
    job = jobs.advance(ada, job.id, allows_all)
    store.refresh()
    ours, theirs = (store.steps(job, StepQuery("pending")) for _ in "12")
    node.elastic.indices.put_settings(index=indices.JOBS, settings={"index.refresh_interval": "-1"})
    try:
        assert len(store.put_steps(ours)) == 2
        assert store.put_steps(theirs) == []
        assert store.put_steps(store.steps(job, StepQuery("pending"))) == [], "a search that is a moment old"
    finally:
        node.elastic.indices.put_settings(index=indices.JOBS, settings={"index.refresh_interval": None})


def test_an_audit_trail_that_is_closed(node: TestNode, person: Callable[[str], PersonClient]) -> None:
    make(node, ["bulk-1"])
    ada = person("ada")
    job = jobs.create(ada, "delete", (), ["bulk-1"], "x")
    jobs.advance(ada, job.id, allows_all)
    jobs.start(ada, job.id)
    node.elastic.indices.add_block(index=indices.AUDIT_PATTERN, block="write", expand_wildcards="all")
    try:
        with pytest.raises(errors.AuditUnavailable):
            jobs.advance(ada, job.id, allows_all)
    finally:
        unblock = {"index.blocks.write": None}
        node.elastic.indices.put_settings(index=indices.AUDIT_PATTERN, settings=unblock, expand_wildcards="all")
    assert results(job) == {"bulk-1": ("pending", "")}
    assert "bulk-1" in node.usernames()


def dies(node: tuple[str, str], job_id: str, prefix: str, calls: int) -> None:
    """A process that goes on with the job, and is killed with SIGKILL before its nth call of that kind."""
    settings.ELASTICSEARCH_HOSTS, settings.ELASTICSEARCH_API_KEY = [node[0]], node[1]
    settings.ELASTICSEARCH_REQUEST_TIMEOUT += 1  # for connections of its own: it shares the others with its parent
    perform = Transport.perform_request
    seen = 0

    def deadly(transport: Transport, method: str, target: str, **options: Any) -> Any:
        nonlocal seen
        seen += method == "PUT" and target.startswith(prefix) and (prefix != "/_bulk" or indices.JOBS in str(options.get("body")))
        if seen == calls:
            os.kill(os.getpid(), signal.SIGKILL)
        return perform(transport, method, target, **options)

    Transport.perform_request = deadly  # type: ignore[method-assign, assignment]
    jobs.advance(PersonClient("ada", PASSWORD), job_id, allows_all)


# After the changes of some users, between intents and outcomes of others; and before the results are stored, after the claim.
@pytest.mark.parametrize(("prefix", "calls"), [("/_security/user/", 7), ("/_bulk", 2)])
def test_a_killed_process(
    node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch, prefix: str, calls: int
) -> None:
    names = [f"bulk-{number:02}" for number in range(12)]
    make(node, names)
    monkeypatch.setattr(locks, "LIFETIME", locks.LIFETIME * 0)  # as long as the outcome is open
    ada = person("ada")
    job = jobs.create(ada, "deactivate", (), UserQuery(q="bulk"), "x")
    jobs.advance(ada, job.id, allows_all)
    jobs.start(ada, job.id)
    child = multiprocessing.get_context("fork").Process(target=dies, args=((node.url, node.api_key), job.id, prefix, calls))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    left = results(job)
    assert ("started", "") in left.values()

    jobs.advance(ada, job.id, allows_all)
    assert results(job) == left, "they may still be on their way"
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    monkeypatch.setattr(run, "ABANDONED_AFTER", run.ABANDONED_AFTER * 0)
    monkeypatch.setattr(reading, "OUTCOME_TIMEOUT", reading.OUTCOME_TIMEOUT * 0)
    while jobs.advance(ada, job.id, allows_all).state == "running":
        pass
    found = Counter(state for state, _ in results(job).values())
    assert set(found) <= {"success", "unknown"}
    assert found["unknown"] or prefix == "/_bulk"
    jobs.verify(ada, job.id)
    verified = Counter(state for state, _ in results(job).values())
    assert set(verified) <= {"success", "failure"}
    if verified["failure"]:
        jobs.retry(ada, job.id)
    while jobs.advance(ada, job.id, allows_all).state == "running":
        pass

    assert results(job) == dict.fromkeys(names, ("success", ""))
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    events = audit.search(audit.Query(action="user-disable", size=100)).events
    assert {event.outcome for event in events} <= {"success", "failure"}
    assert Counter(event.target for event in events if event.outcome == "success") == dict.fromkeys(names, 1), "nobody twice"
    assert active(node, names) == set()


def altered(id: str, **fields: Any) -> None:
    """What whoever has the API key of usermgmt can do."""
    client = service_client()
    source = client.get(index=indices.JOBS, id=id)["_source"]
    client.index(index=indices.JOBS, id=id, document={**source, **fields}, refresh=True)


def step_of(job: Job, username: str) -> Step:
    store.refresh()
    return next(step for step in store.all_steps(store.get(job.id)) if step.username == username)


def another_role(job: Job, other: Job) -> None:
    altered(job.id, roles=["superuser"])


def another_operator(job: Job, other: Job) -> None:
    altered(job.id, operator="eve")


def started(job: Job, other: Job) -> None:
    altered(job.id, state="running", confirmed=timezone.now().isoformat())


def unsigned(job: Job, other: Job) -> None:
    altered(job.id, signature="")


def another_job(job: Job, other: Job) -> None:
    source = service_client().get(index=indices.JOBS, id=other.id)["_source"]
    service_client().index(index=indices.JOBS, id=job.id, document=source, refresh=True)


def another_user(job: Job, other: Job) -> None:
    altered(step_of(job, "bulk-1").id, username="bulk-3")


def step_of_another_job(job: Job, other: Job) -> None:
    step = step_of(job, "bulk-1")
    source = {**step_of(other, "bulk-3").document(), "job": job.id, "part": step.part}
    service_client().index(index=indices.JOBS, id=step.id, document=source, refresh=True)


def step_under_another_id(job: Job, other: Job) -> None:
    source = step_of(job, "bulk-1").document()
    service_client().index(index=indices.JOBS, id=f"{step_of(job, 'bulk-1').part}-7", document=source, refresh=True)


FORGERIES = (
    another_role,
    another_operator,
    started,
    unsigned,
    another_job,
    another_user,
    step_of_another_job,
    step_under_another_id,
)


@pytest.mark.parametrize("state", ["planned", "running"])
@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.__name__)
def test_forged_documents(
    node: TestNode, signed_in: Callable[..., Client], forgery: Callable[[Job, Job], None], state: str
) -> None:
    """Nothing of them is carried out; they can be looked at, and discarded."""
    make(node, ["bulk-1", "bulk-2", "bulk-3"])
    ada = signed_in("ada")
    for names in (["bulk-3"], ["bulk-1", "bulk-2"]):
        ada.post("/users/jobs/create", {"users": "selected", "username": names, "action": "add-roles", "roles": ["editor"]})
    job, other = jobs.all_jobs()[:2]
    if state != "planned":
        control(ada, "start")
    forgery(job, other)

    url = f"/users/jobs/control/{job.id}"
    for command in ("start", "resume", "retry"):
        ada.post(url, {"command": command})
    ada.post(f"/users/jobs/advance/{job.id}")
    assert ada.post(f"/users/jobs/advance/{job.id}").status_code == 409
    assert [node.user(f"bulk-{number}")["roles"] for number in (1, 2, 3)] == [["viewer"]] * 3  # type: ignore[index]
    page = text(ada, f"/users/jobs/view/{job.id}")
    assert "This bulk change can't be carried out" in page
    assert 'value="resume"' not in page
    of_htmx = {"HX-Request": "true", "HX-Target": "job-progress"}
    for response in (
        ada.get(f"/users/jobs/view/{job.id}", headers=of_htmx),
        ada.post(f"/users/jobs/advance/{job.id}", headers=of_htmx),
    ):
        assert response.headers["HX-Redirect"] == f"/users/jobs/view/{job.id}"
    refused = ada.post(url, {"command": "resume"})
    assert (refused.status_code, "This bulk change can't be carried out" in html.unescape(refused.content.decode())) == (409, True)
    assert ada.post(url, {"command": "discard"}).status_code == 302
    assert [found.id for found in jobs.all_jobs()] == [other.id]
    assert jobs.count_parts(job.id) == 0
    assert [(event.actor.username, event.details["job"]) for event in trail(node, action="job-discard")] == [("ada", job.id)]


@pytest.mark.parametrize(("command", "state"), [(jobs.retry, "failure"), (jobs.verify, "unknown"), (jobs.advance, "started")])
def test_forged_results(node: TestNode, person: Callable[[str], PersonClient], command: Callable[..., Any], state: str) -> None:
    """Neither retrying nor verifying them, nor taking them over from a killed process, signs them."""
    make(node, ["bulk-1"])
    ada = person("ada")
    job = jobs.advance(ada, jobs.create(ada, "deactivate", (), ["bulk-1"], "x").id, allows_all)
    jobs.start(ada, job.id)
    begun = (timezone.now() - 2 * run.ABANDONED_AFTER).isoformat()
    altered(step_of(job, "bulk-1").id, state=state, username="elastic", begun=begun)
    with pytest.raises(errors.JobNotAuthentic):
        command(ada, job.id, *([allows_all] if command == jobs.advance else []))
    assert not step_of(job, "elastic").is_authentic
    with pytest.raises(errors.JobNotAuthentic):
        jobs.resume(ada, job.id)


def test_a_process_that_is_killed_before_a_pause(node: TestNode, signed_in: Callable[..., Client]) -> None:
    """What it did is found out without resuming the job."""
    make(node, ["bulk-1"])
    ada = signed_in("ada")
    ada.post("/users/jobs/create", {"users": "selected", "username": ["bulk-1"], "action": "deactivate"})
    control(ada, "start")
    step = step_of(job := the_job(), "bulk-1")
    begun = timezone.now()
    [step] = store.put_steps([replace(step, state="started", request="gone", begun=begun)])
    control(ada, "pause")
    of_htmx = {"HX-Request": "true", "HX-Target": "job-progress"}
    going_on = ada.post(f"/users/jobs/advance/{job.id}", headers=of_htmx).content.decode()
    assert "1 user in progress" in going_on
    assert f'hx-post="/users/jobs/advance/{job.id}"' in going_on
    assert f'hx-get="/users/jobs/view/{job.id}"' in signed_in("otto").get(f"/users/jobs/view/{job.id}").content.decode()
    store.put_steps([replace(step, begun=begun - 2 * run.ABANDONED_AFTER)])
    response = ada.post(f"/users/jobs/advance/{job.id}", headers=of_htmx)
    assert response.headers["HX-Redirect"] == f"/users/jobs/view/{job.id}"
    assert store.get(job.id).state == "paused"
    assert results(job)["bulk-1"][0] in ("pending", "unknown")


@pytest.mark.parametrize("is_written", [True, False])
def test_a_lost_response_to_a_start(
    node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    """The audit trail never says that a start failed which may have been made."""
    make(node, ["bulk-1"])
    ada = person("ada")
    job = jobs.advance(ada, jobs.create(ada, "deactivate", (), ["bulk-1"], "x").id, allows_all)
    put = documents_store.put

    def lost(*args: Any) -> None:
        if is_written:
            put(*args)
        raise errors.OutcomeUnknown("lost")

    with monkeypatch.context() as patch:
        patch.setattr(documents_store, "put", lost)
        if is_written:
            assert jobs.start(ada, job.id).state == "running"
        else:
            with pytest.raises(errors.OutcomeUnknown):
                jobs.start(ada, job.id)
    assert [event.outcome for event in trail(node, action="job-start")] == ["success" if is_written else "unknown"]
    assert store.get(job.id).state == ("running" if is_written else "planned")


@pytest.fixture
def shift_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Set the clock to an hour before the end of a month, or that much later."""
    now = timezone.now
    shift = (now().replace(day=1, hour=0, minute=0) + timedelta(days=32)).replace(day=1) - timedelta(hours=1) - now()

    def to(later: timedelta) -> None:
        monkeypatch.setattr(timezone, "now", lambda: now() + shift + later)

    return to


@pytest.mark.parametrize("hours", [0, 2])
def test_documents_that_are_put_back(
    node: TestNode,
    person: Callable[[str], PersonClient],
    monkeypatch: pytest.MonkeyPatch,
    shift_time: Callable[[timedelta], None],
    hours: int,
) -> None:
    """They are authentic, but their change was made once: also in another month, which has another index for its events."""
    shift_time(timedelta())
    make(node, ["bulk-1"])
    ada = person("ada")
    job = jobs.advance(ada, jobs.create(ada, "deactivate", (), ["bulk-1"], "x").id, allows_all)
    jobs.start(ada, job.id)
    step = step_of(job, "bulk-1")
    old = {id: service_client().get(index=indices.JOBS, id=id)["_source"] for id in (job.id, step.id)}

    def put_back() -> None:
        for id, source in old.items():
            service_client().index(index=indices.JOBS, id=id, document=source, refresh=True)
        node.elastic.security.enable_user(username="bulk-1")

    while jobs.advance(ada, job.id, allows_all).state == "running":
        pass
    assert active(node, ["bulk-1"]) == set()
    put_back()
    shift_time(timedelta(hours=hours))
    while jobs.advance(ada, job.id, allows_all).state == "running":
        pass
    assert results(job) == {"bulk-1": ("failure", "step_repeated")}
    assert active(node, ["bulk-1"]) == {"bulk-1"}

    put_back()
    monkeypatch.setattr(records, "CONFIRMED_FOR", records.CONFIRMED_FOR * 0)
    assert jobs.advance(ada, job.id, allows_all).state == "running"
    assert results(job) == {"bulk-1": ("pending", "")}, "nobody confirmed it lately"


@pytest.mark.parametrize("action", ["revoke-api-keys", "deactivate"])
def test_new_api_keys_outlive_documents_that_are_put_back(
    node: TestNode, person: Callable[[str], PersonClient], action: jobs.Action
) -> None:
    make(node, ["bulk-1"], roles=["superuser"])
    first, ada = create_key(node, "bulk-1"), person("ada")
    job = jobs.advance(ada, jobs.create(ada, action, (), ["bulk-1"], "x", revokes_keys=True).id, allows_all)
    jobs.start(ada, job.id)
    step = step_of(job, "bulk-1")
    old = {id: service_client().get(index=indices.JOBS, id=id)["_source"] for id in (job.id, step.id)}
    while jobs.advance(ada, job.id, allows_all).state == "running":
        pass
    assert (results(job), works(first)) == ({"bulk-1": ("success", "")}, False)
    node.elastic.security.enable_user(username="bulk-1")
    second = create_key(node, "bulk-1")
    for id, source in old.items():
        service_client().index(index=indices.JOBS, id=id, document=source, refresh=True)
    while jobs.advance(ada, job.id, allows_all).state == "running":
        pass
    assert (results(job), works(second)) == ({"bulk-1": ("failure", "step_repeated")}, True)
    jobs.retry(ada, job.id)  # an administrator can still want it
    while jobs.advance(ada, job.id, allows_all).state == "running":
        pass
    assert (results(job), works(second)) == ({"bulk-1": ("success", "")}, False)


def test_signatures_of_a_previous_key(node: TestNode, person: Callable[[str], PersonClient], settings: Settings) -> None:
    make(node, ["bulk-1"])
    ada = person("ada")
    job = jobs.advance(ada, jobs.create(ada, "deactivate", (), ["bulk-1"], "x").id, allows_all)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another" * 10
    jobs.start(ada, job.id)
    jobs.advance(ada, job.id, allows_all)
    assert results(job) == {"bulk-1": ("success", "")}
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "unknown" * 10, []
    with pytest.raises(errors.JobNotAuthentic):
        jobs.resume(ada, job.id)


def test_new_passwords_of_forged_documents(node: TestNode, person: Callable[[str], PersonClient]) -> None:
    """Nobody gets those that another administrator set."""
    make(node, ["bulk-1"])
    node.put_user("eve", roles=["user_admin"])
    ada, eve = person("ada"), person("eve")
    job = jobs.advance(ada, jobs.create(ada, "reset-passwords", (), ["bulk-1"], "x").id, allows_all)
    jobs.start(ada, job.id)
    while (job := jobs.advance(ada, job.id, allows_all)).state == "running":
        pass
    altered(step_of(job, "bulk-1").id, operator=eve.actor.unique_name)
    altered(job.id, passwords_for=[eve.actor.unique_name])
    with pytest.raises(errors.JobNotAuthentic):
        jobs.take_passwords(eve, job.id)
