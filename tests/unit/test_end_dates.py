"""End dates: what is one, when it is soon or over, and how forms and imports take it."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.http import QueryDict

from accounts.forms.users import EditUserForm
from accounts.services.imports import lines
from accounts.services.jobs import importing
from accounts.services.jobs.records import Step
from accounts.services.users import User, UserQuery, end_dates, matches
from accounts.templatetags.user_table import status

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("stored", "state"),
    [
        ("2026-11-27", "past"),
        ("2026-11-28", "soon"),
        ("2026-12-12", "soon"),
        ("2026-12-13", "later"),
        ("2026-02-30", "unreadable"),
        ("20261231", "unreadable"),
        ("2026-W01-1", "unreadable"),
        ("\u0662\u0660\u0662\u0666-12-31", "unreadable"),
        ("", "unreadable"),
        (20261231, "unreadable"),
        (["2026-12-31"], "unreadable"),
    ],
)
def test_states(stored: Any, state: str) -> None:
    end = end_dates.of(User("a", metadata={"active_until": stored}))
    assert end
    assert end.state(TODAY) == state


def test_without_an_end_date() -> None:
    assert end_dates.of(User("a")) is None
    assert end_dates.of(User("a", metadata={"active_until": None})) is None
    assert end_dates.of(User("elastic", metadata={"active_until": "2020-01-01", "_reserved": True})) is None


@pytest.fixture(autouse=True)
def on_that_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dates in parameters are made long before their tests, perhaps on another day."""
    monkeypatch.setattr(end_dates, "today", lambda: TODAY)


def user(days: int, **fields: Any) -> User:
    return User("a", metadata={"active_until": (TODAY + timedelta(days)).isoformat()}, **fields)


@pytest.mark.parametrize(
    ("someone", "flags"),
    [
        (user(-1), {"past-end-date", "end-date"}),
        (user(-1, enabled=False), {"end-date"}),
        (user(0), {"ends-soon", "end-date"}),
        (user(30), {"ends-soon", "end-date"}),
        (user(31), {"end-date"}),
        (User("a", metadata={"active_until": "soon"}), {"end-date"}),
        (User("a"), set()),
    ],
)
def test_filters(someone: User, flags: set[str]) -> None:
    own: list[Any] = ["past-end-date", "ends-soon", "end-date"]
    assert {flag for flag in own if matches(someone, UserQuery(flags=(flag,)))} == flags


@pytest.mark.parametrize(("days", "badge"), [(-1, "Ended "), (14, "Ends "), (15, "Active until ")])
def test_badge(days: int, badge: str) -> None:
    assert f">{badge}{user(days).metadata['active_until']}<" in status(user(days))
    assert "userEndDate" not in status(user(days, enabled=False))


def form(seen: User, typed: str, rows: dict[str, str] | None = None) -> EditUserForm:
    stored = EditUserForm.of(seen, [])
    data = QueryDict(mutable=True)
    data.update({"full_name": "", "email": "", "active_until": typed, "seen": stored.initial["seen"]})
    number = stored.metadata.initial_form_count()
    data.update({"metadata-TOTAL_FORMS": str(number + 1), "metadata-INITIAL_FORMS": str(number)})
    data.update({"metadata-0-key": "", "metadata-0-type": "text", "metadata-0-value": "", **(rows or {})})
    return EditUserForm(data, roles=[])


def test_the_form_sets_changes_and_removes_it() -> None:
    ends = User("a", metadata={"active_until": "2026-12-31"})
    assert EditUserForm.of(ends, [])["active_until"].value() == date(2026, 12, 31)
    for seen, typed, wanted in [
        (User("a"), "2026-12-31", {"active_until": "2026-12-31"}),
        (ends, "2027-01-01", {"active_until": "2027-01-01"}),
        (ends, "2026-12-31", {"active_until": "2026-12-31"}),
        (ends, "", {}),
    ]:
        bound = form(seen, typed)
        assert bound.is_valid(), bound.errors
        assert bound.user("a").metadata == wanted


@pytest.mark.parametrize("typed", ["tomorrow", "2026-02-30", "31.12.2026"])
def test_the_form_rejects_what_is_no_date(typed: str) -> None:
    bound = form(User("a"), typed)
    assert bound.errors["active_until"] == ["Enter a date such as 2026-12-31, or leave the field empty."]


def test_the_form_takes_it_once() -> None:
    no_date = {"metadata-0-key": "active_until", "metadata-0-type": "json", "metadata-0-value": "null"}
    no_date |= {"metadata-1-key": "", "metadata-1-type": "text", "metadata-1-value": ""}
    assert form(User("a", metadata={"active_until": None}), "2026-12-31", no_date).is_valid()
    row = {"metadata-0-key": "active_until", "metadata-0-value": "2027-01-01"}
    assert "active_until" in form(User("a"), "2026-12-31", row).errors
    assert form(User("a"), "", row).is_valid()


def test_after_a_conflict() -> None:
    """What was typed stays; what wasn't is as it is now."""
    ends = User("a", metadata={"active_until": "2026-12-31"})
    moved = User("a", metadata={"active_until": "2027-06-30"})
    for typed, wanted in [("2026-12-31", "2027-06-30"), ("2027-01-01", "2027-01-01"), ("", "")]:
        bound = form(ends, typed)
        assert bound.is_valid()
        assert bound.rebased(moved)["active_until"].value() == wanted


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("2026-12-31", "2026-12-31"),
        ("1.2.2026", "2026-02-01"),
        ("31.12.2026", "2026-12-31"),
        ("(none)", ""),
        ("no information", None),
    ],
)
def test_cells(cell: str, found: str | None) -> None:
    assert lines.FROM_CELL["active_until"](cell) == found


@pytest.mark.parametrize("cell", ["12/31/2026", "31.2.2026", "soon", "46387"])
def test_cells_that_are_no_date(cell: str) -> None:
    with pytest.raises(ValueError, match=r"This must be a date, such as 2026-12-31\."):
        lines.FROM_CELL["active_until"](cell)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"active_until": "2027-01-01", "metadata": {"active_until": "2026-12-31"}}, {"active_until": "2027-01-01"}),
        ({"active_until": ""}, {"active_until": None}),
        ({"metadata": {"a": 1}}, {"active_until": "2026-12-31", "a": 1}),
    ],
)
def test_imports(values: dict[str, Any], wanted: dict[str, Any]) -> None:
    ends = User("a", metadata={"active_until": "2026-12-31"})
    assert importing.wanted_user(Step("j", "p", 1, "a", values=json.dumps(values)), ends).metadata == wanted


def test_an_import_without_one_adds_no_key() -> None:
    step = Step("j", "p", 1, "a", values=json.dumps({"active_until": ""}))
    assert importing.wanted_user(step, None).metadata == {}
