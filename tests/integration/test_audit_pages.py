"""The pages of the trail."""

import html
import io
import json
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from elasticsearch import Elasticsearch
from pytest_django import Settings

from accounts.services import audit, errors, exports, passwords, users
from accounts.services.audit import reading, replay
from accounts.services.client import PersonClient
from accounts.services.documents import indices
from accounts.services.exports import trail_table
from accounts.services.sessions import keys as session_keys
from accounts.services.users import User
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode, one_version
from tests.support.pages import text
from tests.support.traces import trail

pytestmark = one_version

FRAGMENT = {"HX-Request": "true", "HX-Target": "audit-results"}


@pytest.fixture
def jane(node: TestNode, person: Callable[[str], PersonClient]) -> str:
    """Made, edited, and then a password change of which nobody knows. Nobody had the name before: the trail forgets nothing."""
    ada = person("ada")
    name = f"jane-{uuid.uuid4().hex}"
    made = User(name, "Jane", "", ("viewer",))
    users.create(ada, made, PASSWORD)
    users.update(ada, made, User(name, "Jane", "", ("editor",)))
    with pytest.raises(errors.OutcomeUnknown), audit.recorded(ada, audit.Action.PASSWORD_CHANGE, name):
        raise errors.OutcomeUnknown
    trail(node)
    return name


@pytest.mark.parametrize("who", ["ada", "otto"])
def test_administrators_and_auditors_see_it(node: TestNode, jane: str, signed_in: Callable[..., Client], who: str) -> None:
    client = signed_in(who)
    page = text(client, "/audit/")
    assert 'data-label="Action">Create user' in page
    assert "roles changed from <bdi>viewer</bdi> to <bdi>editor</bdi>" in page
    assert "roles changed from <bdi>viewer</bdi> to <bdi>editor</bdi>" in text(client, f"/users/history/{jane}")
    assert "Audit trail" in text(client, "/users/")
    event = audit.search(audit.Query(target=jane, action="user-update")).events[0]
    assert "roles changed from <bdi>viewer</bdi> to <bdi>editor</bdi>" in text(client, f"/audit/event/{event.id}")


@pytest.mark.parametrize("path", ["/audit/", "/audit/event/abc", "/users/history/ada"])
def test_others_do_not(node: TestNode, signed_in: Callable[..., Client], path: str) -> None:
    norah = signed_in("norah")
    assert norah.get(path).status_code == 403
    assert "Audit trail" not in text(norah, "/account/")


def test_an_auditor_resolves_nothing(node: TestNode, jane: str, signed_in: Callable[..., Client]) -> None:
    otto = signed_in("otto")
    event = audit.search(audit.Query(target=jane, outcome="unknown")).events[0]
    assert "An administrator can verify whether the change was applied." in text(otto, f"/audit/event/{event.id}")
    assert otto.post(f"/audit/verify/{event.id}").status_code == 403


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ("target={jane}&action=user-create", {"user-create"}),
        ("target={jane}&outcome=unknown", {"password-change"}),
        ("target={jane}&outcome=success&actor=ada", {"user-create", "user-update"}),
        ("target={jane}&q=EDITOR", {"user-update"}),
        ("target={jane}&q=*", set()),
        ("target={jane}&until=2020-01-01", set()),
        ("target={jane}&until=0001-01-01", set()),
        ("target={jane}&since=0001-01-01", {"user-create", "user-update", "password-change"}),
        ("target={jane}&since=0001-01-01&until=9999-12-31", {"user-create", "user-update", "password-change"}),
        ("target={jane}&after=[true,%22x%22]", {"user-create", "user-update", "password-change"}),
        ("target={jane}&since=2020-01-01&q=jan", {"user-create", "user-update", "password-change"}),
        ("target={jane}&since=9999-12-31&until=9999-12-31&outcome=success", set()),
        ("target={jane}&since=2020-01-01&until=2020-01-01&outcome=failure", set()),
        ("actor=nobody", set()),
        ("q=10.0.0.0/8", set()),
        ("target={jane}&action=nonsense&since=x&after=%5B1%5D&outcome=x", {"user-create", "user-update", "password-change"}),
    ],
)
def test_filters(node: TestNode, jane: str, signed_in: Callable[..., Client], query: str, actions: set[str]) -> None:
    events = signed_in("ada").get(f"/audit/?{query.format(jane=jane)}").context["page"].events
    assert {event.action for event in events} == actions


@pytest.mark.parametrize(
    "text",
    [
        "b" * 200,
        "b" * 400,
        "ab" * 250,
        "*" * 507,
        "\u212a" * 200,
        "10.0.0.0/255.0.0.0",
        "1.2.3.4/0.0.0.255",
        "::ffff:0:0/96",
        "::ffff:1.2.3.4/120",
        "fe80::1%eth0/64",
        "0.0.0.0/0",
        "::/0",
    ],
)
def test_any_text_has_an_answer(node: TestNode, signed_in: Callable[..., Client], text: str) -> None:
    otto = signed_in("otto")
    assert otto.get("/audit/", {"q": text}).status_code == 200
    assert otto.get("/audit/export", {"q": text}).status_code == 200
    for page in ("/users/", "/api-keys/"):
        assert otto.get(page, {"q": text}).status_code == 200, page


def test_networks_have_their_addresses(node: TestNode, signed_in: Callable[..., Client]) -> None:
    otto = signed_in("otto")
    trail(node)
    for address in ("127.0.0.1", "127.1.2.3/255.0.0.0", "127.0.0.0/0.255.255.255", "127.0.0.0/8", "::ffff:127.0.0.0/104", "::/0"):
        assert [event.action for event in audit.search(audit.Query(actor="otto", text=address)).events][:1] == ["sign-in"], address
    for address in ("127.0.0.2", "10.0.0.0/255.0.0.0", "128.0.0.0/1", "::/96"):
        assert not audit.search(audit.Query(actor="otto", text=address)).events, address
    assert otto.get("/audit/", {"q": "127.0.0.0/255.0.0.0", "actor": "otto"}).context["page"].events


def test_events_before_a_time(node: TestNode, jane: str) -> None:
    """Some of the events of a month, without a start."""
    newest = audit.search(audit.Query(target=jane)).events[0]
    page = audit.search(audit.Query(target=jane, until=newest.moment))
    assert [event.action for event in page.events] == ["user-update", "user-create"]
    assert sum(bar.count for bar in page.bars) == 2
    assert audit.count(audit.Query(target=jane, until=newest.moment)) == 2


def test_month_that_cannot_be_read(node: TestNode, jane: str, signed_in: Callable[..., Client]) -> None:
    """The list says so. Whatever would otherwise claim that something didn't happen fails."""
    otto, month = signed_in("otto"), "usermgmt-audit-2001.01"
    event = audit.search(audit.Query(target=jane)).events[0]
    assert "auditPartial" not in otto.get("/audit/").content.decode()
    nowhere = {"index.routing.allocation.require._name": "nowhere"}
    node.elastic.indices.create(index=month, settings=nowhere, wait_for_active_shards=0)
    try:
        page = otto.get(f"/audit/?target={jane}")
        pages = [otto.get(url) for url in (f"/audit/event/{event.id}", f"/users/history/{jane}", "/users/?view=activity")]
        export = otto.post(f"/audit/export?target={jane}", {"format": "ndjson"})
        reads: list[Callable[[], object]] = [
            lambda: list(replay.users()),
            lambda: audit.of_requests(["x"], [jane]),
            lambda: audit.changes_of([jane], event.moment),
            lambda: audit.count_without_failures(audit.Query()),
        ]
        for read in reads:
            with pytest.raises(errors.Unavailable):
                read()
    finally:
        node.elastic.indices.delete(index=month)
    assert {event.target for event in page.context["page"].events} == {jane}
    assert "so events are missing" in html.unescape(page.content.decode())
    assert [response.status_code for response in [*pages, export]] == [503] * 4
    assert "attachment" not in export.headers.get("Content-Disposition", "")


def test_search_says_which_values_it_finds(
    node: TestNode, person: Callable[[str], PersonClient], signed_in: Callable[..., Client]
) -> None:
    """Metadata of many keys is one long value."""
    ada, name = person("ada"), f"bob-{uuid.uuid4().hex}"
    for size in (1024, 1025):
        with audit.recorded(ada, audit.Action.USER_UPDATE, name, changes={"metadata": (None, f"needle{size}".ljust(size, "-"))}):
            pass
    trail(node)
    found = {size: len(audit.search(audit.Query(target=name, text=f"needle{size}")).events) for size in (1024, 1025)}
    assert found == {1024: 1, 1025: 0}
    otto = signed_in("otto")
    assert "changed values of up to 1,024 characters" in text(otto, "/audit/")
    file = otto.post(f"/audit/export?target={name}&q=needle1025", {"format": "ndjson"}).getvalue()
    assert "containing “needle1025” (in values of up to 1,024 characters)" in exports.verify(io.BytesIO(file))["filter"]


def test_text_that_is_too_long_is_named(node: TestNode, signed_in: Callable[..., Client]) -> None:
    page = text(signed_in("otto"), f"/audit/?q={'b' * 201}")
    assert "Enter at most 200 characters." in page
    assert 'maxlength="200"' in page


def test_walking_to_the_oldest(
    node: TestNode, jane: str, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.forms.audit.PAGE_SIZE", 2)
    client = signed_in("ada")
    everything = {event.id for event in audit.search(audit.Query(size=1000, target=jane)).events}
    seen: list[str] = []
    url = f"/audit/?target={jane}"
    while True:
        context = client.get(url).context
        seen += [event.id for event in context["page"].events]
        if not context["page"].next:
            break
        url = context["older"]
    assert len(seen) == len(set(seen))
    assert set(seen) == everything


def test_a_page_takes_three_calls(node: TestNode, jane: str, signed_in: Callable[..., Client], calls: list[str]) -> None:
    client = signed_in("ada")
    calls.clear()
    client.get("/audit/")
    assert [call.rpartition("/")[2] for call in calls[1:]] == ["_search", "_mget", "_authenticate"]


def test_refreshing_itself_keeps_no_session_alive(node: TestNode, signed_in: Callable[..., Client], settings: Settings) -> None:
    client = signed_in("ada")
    id = session_keys.document_id(client.cookies["usermgmt_session"].value)
    settings.PRIVILEGES_FRESH_FOR = timedelta(0)
    seen = [node.elastic.get(index=indices.SESSIONS, id=id)["_source"]["last_activity"]]
    for headers in ({**FRAGMENT, "X-Background": "1"}, FRAGMENT):
        assert client.get("/audit/", headers=headers).status_code == 200
        seen.append(node.elastic.get(index=indices.SESSIONS, id=id)["_source"]["last_activity"])
    assert seen[0] == seen[1] < seen[2]


def test_looking_at_the_node(node: TestNode, person: Callable[[str], PersonClient], signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    with (
        pytest.raises(errors.OutcomeUnknown),
        audit.recorded(person("ada"), audit.Action.USER_DISABLE, "lost", changes={"enabled": (True, False)}),
    ):
        raise errors.OutcomeUnknown
    node.put_user("lost", enabled=False)
    event = trail(node, target="lost")[-1]
    page = ada.post(f"/audit/verify/{event.id}", follow=True).content.decode()
    assert "Verified: the change was applied." in page
    trail(node)
    assert "by ada" in text(ada, f"/audit/event/{event.id}")
    assert "is already known" in ada.post(f"/audit/verify/{event.id}", follow=True).content.decode()


@pytest.mark.parametrize(("outcome", "is_by_outcome"), [("success", True), ("failure", True), ("unknown", False), ("", False)])
def test_the_page_says_that_it_is_by_outcome(
    node: TestNode, signed_in: Callable[..., Client], outcome: str, is_by_outcome: bool
) -> None:
    page = text(signed_in("otto"), f"/audit/?outcome={outcome}")
    assert ("The chart and the order are by the time of the outcome." in page) == is_by_outcome


def test_a_password_is_tried_and_is_written_nowhere(node: TestNode, jane: str, signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    event = audit.search(audit.Query(target=jane, outcome="unknown")).events[0]
    wrong = ada.post(f"/audit/verify/{event.id}", {"password": "canary-password", "which": "new"}, follow=True)
    assert "rejected this password" in wrong.content.decode()
    ada.post(f"/audit/verify/{event.id}", {"password": PASSWORD, "which": "old"})
    found = trail(node, target=jane, action="password-change")[-1]
    assert (found.outcome, found.stage) == ("failure", "verified")
    everything = str(node.elastic.search(index="usermgmt-*", expand_wildcards="all", size=5000))
    assert PASSWORD not in everything
    assert "canary-password" not in everything


def test_names_are_escaped(node: TestNode, person: Callable[[str], PersonClient], signed_in: Callable[..., Client]) -> None:
    users.create(person("ada"), User("<b>&'\"", "<script>"), PASSWORD)
    passwords.change(person("ada"), "<b>&'\"", "another-password")
    trail(node)
    page = signed_in("ada").get("/audit/").content.decode()
    assert "<b>&" not in page
    assert "<script>" not in page.partition("audit-results")[2]


def test_the_chart_counts_what_fits(node: TestNode, jane: str) -> None:
    page = audit.search(audit.Query(target=jane, since=timezone.now() - timedelta(hours=1), size=1000))
    assert sum(bar.count for bar in page.bars) == len(page.events)
    assert len(page.bars) >= 60


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "Pacific/Pago_Pago"])  # at any time, one of them has another day than UTC
def test_days_are_those_of_the_reader(node: TestNode, jane: str, signed_in: Callable[..., Client], zone: str) -> None:
    otto = signed_in("otto")
    otto.cookies["usermgmt_time_zone"] = zone
    moment = audit.search(audit.Query(target=jane, action="user-create")).events[0].moment.astimezone(ZoneInfo(zone))
    page = otto.get("/audit/", {"target": jane, "since": f"{moment:%Y-%m-%d}", "until": f"{moment:%Y-%m-%d}"}).content.decode()
    assert f"{moment:%Y-%m-%d %H:%M:%S %Z}" in page
    assert f'title="{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"' in page
    day_before = moment - timedelta(days=1)
    assert "auditEmpty" in text(otto, f"/audit/?target={jane}&until={day_before:%Y-%m-%d}")


@pytest.mark.parametrize("cookie", ["", "../../etc/passwd", "No/Where"])
def test_unknown_time_zone_is_utc(node: TestNode, jane: str, signed_in: Callable[..., Client], cookie: str) -> None:
    otto = signed_in("otto")
    otto.cookies["usermgmt_time_zone"] = cookie
    moment = audit.search(audit.Query(target=jane, action="user-create")).events[0].moment
    assert f">{moment:%Y-%m-%d %H:%M:%S} UTC<" in text(otto, f"/audit/?target={jane}")


def test_export_of_a_period(node: TestNode, jane: str, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    """All events that match, in batches, as the pages have them; the export itself is recorded and not in the file."""
    monkeypatch.setattr(reading, "BATCH_SIZE", 2)
    for name in ("SETTLES_IN", "OUTCOME_TIMEOUT"):
        monkeypatch.setattr(trail_table, name, timedelta(0))
    otto = signed_in("otto")
    trail(node)
    events = audit.search(audit.Query(size=1000)).events[::-1]
    assert len(events) == 4, "of jane, and the sign-in"
    day = f"{events[0].moment:%Y-%m-%d}"  # not today: it may be past midnight since
    page = text(otto, f"/audit/export?since={day}&after=[1]")
    assert f"<strong>{len(events)} events</strong>: all events, from " in page
    file = io.BytesIO(otto.post(f"/audit/export?since={day}", {"format": "ndjson"}).getvalue())
    manifest = exports.verify(file)
    assert (manifest["rows"], manifest["count_before"], manifest["count_after"]) == (len(events),) * 3
    assert manifest["query"] == f"since={day}"
    with zipfile.ZipFile(file) as archive:
        rows = [json.loads(line) for line in archive.read("audit-trail.ndjson").splitlines()]
    assert [row["event_id"] for row in rows] == [event.id for event in events]
    assert [row["details"] for row in rows] == [event.details for event in events]
    of_jane = {row["event_action"]: row for row in rows if row["target"] == jane}
    updated, lost = of_jane["user-update"], of_jane["password-change"]
    assert (updated["actor"], updated["outcome"], updated["recorded"]) == ("ada", "Success", "intent and outcome")
    assert updated["before_and_after"]["roles"] == {"before": ["viewer"], "after": ["editor"]}
    assert (lost["outcome"], lost["recorded"], lost["before_and_after"]) == ("Unknown", "intent and outcome", {})
    assert lost["time"] <= lost["outcome_at"]
    assert [row["source_ip"] for row in rows if row["event_action"] == "sign-in"] == ["127.0.0.1"]

    for query, found in (
        ("outcome=unknown", 1),
        ("outcome=success&action=user-update", 1),
        (f"target={jane}", 3),
        ("until=2001-01-01", 0),
    ):
        trail(node)  # with the outcome of the previous export
        csv = otto.post(f"/audit/export?{query}", {"format": "csv-semicolon"}).getvalue()
        assert exports.verify(io.BytesIO(csv))["rows"] == found, query
    trail(node)
    recorded = audit.search(audit.Query(action="export", target="audit-trail")).events[-1]
    assert (recorded.actor.username, recorded.outcome, recorded.details["sha256"]) == ("otto", "success", manifest["sha256"])


def lost(ada: PersonClient, action: audit.Action, name: str, **changes: object) -> None:
    """A change that nobody knows the outcome of."""
    before_and_after = {field: (None, after) for field, after in changes.items()}
    with pytest.raises(errors.OutcomeUnknown), audit.recorded(ada, action, name, changes=before_and_after):
        raise errors.OutcomeUnknown


def test_a_later_change_leaves_the_outcome_unknown(
    node: TestNode, person: Callable[[str], PersonClient], signed_in: Callable[..., Client]
) -> None:
    """A user who exists after a deletion may be a new one of the same name."""
    ada, name = person("ada"), f"bob-{uuid.uuid4().hex}"
    lost(ada, audit.Action.USER_DELETE, name)
    users.create(ada, User(name), PASSWORD)
    event = next(event for event in trail(node, target=name) if event.action == "user-delete")
    page = signed_in("ada").post(f"/audit/verify/{event.id}", follow=True).content.decode()
    assert "Can&#x27;t be verified: the user has been changed since." in page
    assert next(event for event in trail(node, target=name) if event.action == "user-delete").outcome == "unknown"


def test_a_password_proves_only_a_password_change_of_a_native_user(
    node: TestNode, person: Callable[[str], PersonClient], signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = signed_in("ada")
    lost(person("ada"), audit.Action.USER_UPDATE, "ada")
    lost(person("ada"), audit.Action.PASSWORD_CHANGE, "ada")
    update, change = (trail(node, target="ada", action=action)[-1] for action in ("user-update", "password-change"))
    assert ada.post(f"/audit/verify/{update.id}", {"password": PASSWORD, "which": "new"}).status_code == 404
    assert trail(node, target="ada", action="user-update")[-1].outcome == "unknown"

    realm = {"username": "ada", "authentication_realm": {"name": "ldap1", "type": "ldap"}}
    with monkeypatch.context() as patch:
        patch.setattr(PersonClient, "authenticate", lambda self: realm)
        with pytest.raises(errors.AuthenticationFailed):
            passwords.verify_outcome(person("ada"), change.id, PASSWORD, is_new=True)
    assert passwords.verify_outcome(person("ada"), change.id, PASSWORD, is_new=True).outcome == "success"


def test_unknown_outcomes_are_the_latest_that_match(
    node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number}-{uuid.uuid4().hex}" for number in range(6)]
    for name in names:
        lost(person("ada"), audit.Action.USER_DISABLE, name)
    trail(node)
    monkeypatch.setattr(reading, "MAX_UNKNOWN", 2)
    assert [event.target for event in audit.search(audit.Query(outcome="unknown")).events] == [names[5], names[4]]
    for query in (audit.Query(outcome="unknown", target=names[0]), audit.Query(outcome="unknown", text=names[0])):
        assert [event.target for event in audit.search(query).events] == [names[0]]


def test_changes_in_progress_and_verified_ones_are_not_unknown(
    node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, name = person("ada"), f"bob-{uuid.uuid4().hex}"
    unknown = audit.Query(outcome="unknown", target=name)
    with audit.recorded(ada, audit.Action.USER_DISABLE, name) as in_progress:
        trail(node)
        page = audit.search(unknown)
        assert not page.events
        assert not any(bar.count for bar in page.bars)
        with monkeypatch.context() as patch:
            patch.setattr(reading, "OUTCOME_TIMEOUT", timedelta(0))
            assert [event.id for event in audit.search(unknown).events] == [in_progress.id]
    lost(ada, audit.Action.USER_ENABLE, name)
    trail(node)
    (event,) = audit.search(unknown).events
    audit.record_verification(event, ada.actor, "success", "")
    assert not audit.search(unknown).events, "although the verification isn't found yet"


@pytest.mark.parametrize("field", ["actor", "action", "target"])
@pytest.mark.parametrize("is_recorded", [True, False], ids=["unknown", "missing"])
def test_outcome_of_another_change_hides_nothing(
    node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch, field: str, is_recorded: bool
) -> None:
    """Whoever has the API key of usermgmt can add one."""
    ada, name = person("ada"), f"bob-{uuid.uuid4().hex}"
    monkeypatch.setattr(reading, "OUTCOME_TIMEOUT", timedelta(0))
    if is_recorded:
        lost(ada, audit.Action.USER_DELETE, name)
    else:
        audit.writing.add(replace(audit.Event.now(ada.actor, audit.Action.USER_DELETE, name, "user"), stage="intent"))
    trail(node)
    [change] = audit.search(audit.Query(outcome="unknown", target=name)).events
    other = {"actor": replace(ada.actor, username="eve"), "action": "user-create", "target": "eve"}
    of_other: dict[str, Any] = {field: other[field]}
    forged = replace(change, stage="outcome", outcome="success", ended=None, **of_other)
    [_, document] = forged.operations()
    with Elasticsearch(node.url, api_key=node.api_key) as key:
        key.create(index=change.index, id=f"{change.id}-{'forged' if is_recorded else 'outcome'}", document=document)
    trail(node)
    assert change.id in [event.id for event in audit.search(audit.Query(outcome="unknown")).events]
    assert audit.get(change.id).outcome == "unknown"
    assert change.id not in [event.id for event in audit.search(audit.Query(outcome="success")).events]
    assert change.id in [event.id for batch in audit.batches(audit.Query(outcome="unknown")) for event in batch]


def test_such_outcomes_take_two_calls(node: TestNode, person: Callable[[str], PersonClient], calls: list[str]) -> None:
    ada, name = person("ada"), f"bob-{uuid.uuid4().hex}"
    for number in range(3):
        lost(ada, audit.Action.USER_DELETE, f"{name}-{number}")
    trail(node)
    query = audit.Query(outcome="unknown", text=name)
    changes = audit.search(query).events
    assert len(changes) == 3
    for change in changes:
        forged = replace(change, stage="outcome", outcome="success", ended=None, actor=replace(ada.actor, username="eve"))
        node.elastic.create(index=change.index, id=f"{change.id}-forged", document=forged.document())
    trail(node)
    calls.clear()
    assert sorted(event.id for event in audit.search(query).events) == sorted(change.id for change in changes)
    assert len(calls) == 5, "the IDs with two calls more, and a page"


def test_event_is_in_the_period_in_which_it_began(node: TestNode, person: Callable[[str], PersonClient]) -> None:
    """With a filter for the outcome, too, although that is recorded later."""
    actor = replace(person("ada").actor, username=f"ada-{uuid.uuid4().hex}")
    start = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    end, second, hour = start + timedelta(days=1), timedelta(seconds=1), timedelta(hours=1)
    made: list[tuple[str, str, audit.Outcome, datetime, datetime]] = [
        ("before", "user-update", "success", start - second, start + second),
        ("failed before", "user-update", "failure", start - second, start + second),
        ("download from before", "export", "success", start - hour, start + 3 * hour),
        ("in it", "user-update", "success", start + hour, start + hour + second),
        ("to after it", "user-update", "success", end - second, end + second),
        ("download to after it", "export", "failure", end - hour, end + 3 * hour),
        ("after it", "user-update", "success", end, end + second),
    ]
    for name, action, outcome, begins, ends in made:
        event = replace(audit.Event.now(actor, action, name, "user"), moment=begins)
        stages = [event.at("intent"), replace(event.at("outcome", outcome), moment=ends)]
        node.elastic.bulk(operations=[line for stage in stages for line in stage.operations()], refresh=True)

    def found(**filters: Any) -> set[str]:
        query = audit.Query(actor=actor.username, **filters)
        names = [event.target for event in audit.search(query).events]
        assert audit.count(query) == len(names)
        assert sorted(event.target for batch in audit.batches(query) for event in batch) == sorted(names)
        return set(names)

    assert found(outcome="success", since=start, until=end) == {"in it", "to after it"}
    assert found(outcome="failure", since=start, until=end) == {"download to after it"}
    for period in ({"until": start}, {"since": start, "until": end}, {"since": end}, {"since": start}, {"until": end}):
        assert found(outcome="success", **period) | found(outcome="failure", **period) == found(**period)


def damages(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The document as other programs may have written it, by what is wrong."""
    event, user, ours = document["event"], document["user"], document["usermgmt"]
    return {
        "no-actor": {name: value for name, value in document.items() if name != "user"},
        "number-as-name": {**document, "user": {**user, "name": 7}},
        "no-event": {name: value for name, value in document.items() if name != "event"},
        "id-of-a-path": {**document, "event": {**event, "id": "a/b"}},
        "unknown-outcome": {**document, "event": {**event, "outcome": "maybe"}},
        "list-of-actions": {**document, "event": {**event, "action": ["user-update", "user-delete"]}},
        "half-a-change": {**document, "usermgmt": {**ours, "changes": [{"field": "roles"}]}},
        "number-as-roles": {**document, "usermgmt": {**ours, "changes": [{"field": "roles", "before": 7, "after": ["a"]}]}},
        "text-as-roles": {**document, "usermgmt": {**ours, "changes": [{"field": "roles", "before": ["a"], "after": "abc"}]}},
        "details-as-list": {**document, "usermgmt": {**ours, "details": ["x"]}},
        "restores-nothing": {**document, "usermgmt": {**ours, "details": {"restores": "a/b"}}},
        "milliseconds": {**document, "@timestamp": int(timezone.now().timestamp() * 1000)},
        "not/an/id": {**document, "user": {}, "event": {}},
    }


def test_damaged_events_are_shown_and_hide_no_others(node: TestNode, jane: str, signed_in: Callable[..., Client]) -> None:
    event = audit.search(audit.Query(target=jane, action="user-update")).events[0]
    before = len(audit.search(audit.Query(target=jane)).events)
    wrong = damages(replace(event, id=uuid.uuid4().hex, stage="single", outcome="success").document())
    for id, document in wrong.items():
        node.elastic.index(index=event.index, id=id, document=document, refresh=True)
    outcome: dict[str, Any] = {"index": event.index, "id": f"{event.id}-outcome"}
    good = node.elastic.get(**outcome).body["_source"]
    node.elastic.index(**outcome, document={**good, "user": {"name": 7}}, refresh=True)
    try:
        page = audit.search(audit.Query(target=jane))
        assert len(page.events) == before + len(wrong)
        assert sum(each.is_damaged for each in page.events) == len(wrong) + 1, "also the edit, whose outcome is damaged"
        otto = signed_in("otto")
        for path in (f"/audit/?target={jane}", f"/users/history/{jane}"):
            assert text(otto, path).count(">Damaged</span>") == len(wrong) + 1
        for id in (*wrong, event.id):
            if id != "not/an/id":
                assert "Damaged: a field is missing or invalid" in text(otto, f"/audit/event/{id}")
        exported = [trail_table.row(each) for batch in audit.batches(audit.Query(target=jane)) for each in batch]
        assert len(exported) == before + len(wrong)
        assert sum(row["reason"].startswith("Damaged") for row in exported) == len(wrong) + 1
        assert signed_in("ada").post(f"/audit/verify/{event.id}", follow=True).status_code == 200
        assert audit.get(event.id).is_damaged
    finally:
        node.elastic.index(**outcome, document=good)
        for id in wrong:
            node.elastic.delete(index=event.index, id=id, refresh=True)
