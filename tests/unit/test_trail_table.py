"""The row of an event in an export of the audit trail, and the filter in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils import timezone

from accounts.forms.audit import AuditForm
from accounts.services.audit import Event, Query
from accounts.services.exports import trail_table
from accounts.services.request_context import Actor

AT = datetime(2026, 11, 27, 9, 12, 30, tzinfo=UTC)
INTENT = Event(
    id="abc",
    moment=AT,
    actor=Actor("ada", "default_native", "native", "reset_password"),
    action="user-update",
    kind="user",
    target="jdoe",
    changes={"roles": (["viewer"], ["editor"]), "email": (None, "j@example.org")},
    source="10.0.0.1",
    stage="intent",
)


def test_change_with_intent_and_outcome() -> None:
    row = trail_table.row(
        replace(INTENT, stage="outcome", outcome="failure", reason="access_denied", ended=AT + timedelta(seconds=1))
    )
    assert row.keys() == trail_table.COLUMNS.keys()
    assert (row["action"], row["event_action"], row["command"]) == ("Update user", "user-update", "reset_password")
    assert (row["outcome"], row["reason"], row["recorded"]) == ("Failure", "Denied by Elasticsearch", "intent and outcome")
    assert (row["time"], row["outcome_at"]) == (AT, AT + timedelta(seconds=1))
    assert row["changes"] == "roles changed from viewer to editor; email address set to j@example.org"
    assert row["before_and_after"]["roles"] == {"before": ["viewer"], "after": ["editor"]}


def test_unknown_outcome_claims_nothing() -> None:
    row = trail_table.row(replace(INTENT, outcome="unknown"))
    assert (row["outcome"], row["outcome_at"], row["recorded"], row["verified_by"]) == ("Unknown", None, "intent only", "")


def test_verified_outcome() -> None:
    later = AT + timedelta(days=1)
    details = {"verified_by": "otto", "verified_at": later.isoformat()}
    event = replace(INTENT, stage="verified", outcome="success", ended=AT)
    row = trail_table.row(replace(event, verification=replace(event, details=details)))
    assert (row["verified_by"], row["outcome_at"], row["recorded"]) == ("otto", later, "intent and verified outcome")


def test_event_that_is_no_change() -> None:
    row = trail_table.row(replace(INTENT, action="sign-in", changes={}, stage="single", outcome="success"))
    assert (row["recorded"], row["outcome_at"], row["changes"]) == ("once", AT, "")


def test_filter_in_words_and_as_it_was_given() -> None:
    assert trail_table.describe(Query()) == "all events, oldest first"
    form = AuditForm(QueryDict("actor=ada&action=user-update&outcome=failure&since=2026-11-01&q=10.0.0.1&until=x&after=[1]&live=0"))
    assert form.query_string() == "q=10.0.0.1&actor=ada&action=user-update&outcome=failure&since=2026-11-01"
    assert trail_table.describe(replace(form.query(), since=AT, until=AT)) == (
        "containing “10.0.0.1” (in values of up to 1,024 characters), by ada, with the action Update user, "
        "with the outcome Failure, from 2026-11-27 09:12:30 UTC, before 2026-11-27 09:12:30 UTC, oldest outcome first"
    )


def test_period_in_utc() -> None:
    """As it is searched for, whatever the time zone of the browser."""
    with timezone.override(ZoneInfo("America/New_York")):
        query = AuditForm(QueryDict("since=2026-10-01&until=2026-10-31")).query()
    assert trail_table.describe(query) == "all events, from 2026-10-01 04:00:00 UTC, before 2026-11-01 04:00:00 UTC, oldest first"


def test_table_ends_before_it_begins() -> None:
    """Its own event is not in it."""
    table = trail_table.table(Query(until=datetime(2999, 1, 1, tzinfo=UTC)), "")
    assert "2999" not in table.filter
    assert "before 2001-01-01 00:00:00 UTC" in trail_table.table(Query(until=datetime(2001, 1, 1, tzinfo=UTC)), "").filter


def test_changes_in_progress_are_not_unknown() -> None:
    filter = trail_table.table(Query(outcome="unknown"), "").filter
    before = datetime.strptime(filter.partition("before ")[2][:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    assert before <= timezone.now() - timedelta(minutes=2)
