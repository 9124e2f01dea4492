"""What findings and filters say of the age of a password: only what the audit trail shows."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from django.utils import timezone

from accounts.services.audit import UserActivity
from accounts.services.findings import rules
from accounts.services.users import Flag, User, UserQuery, matches
from accounts.services.users.administrators import NOBODY
from accounts.services.users.privilege_holders import GrantPaths
from accounts.services.users.query import PasswordFlag

NOW = datetime(2026, 11, 28, tzinfo=UTC)
START = datetime(2023, 1, 31, tzinfo=UTC)
RESERVED = User("elastic", metadata={"_reserved": True})


def days(number: int) -> datetime:
    return NOW - timedelta(days=number)


def found(user: User, activity: UserActivity) -> dict[str, str]:
    context = rules.Context({}, GrantPaths([]), NOBODY, NOW, {user.username: activity}, trail_start=START)
    return {slug: row.details for slug, row in rules.of_user(user, context) if slug.endswith("-passwords")}


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        (UserActivity(password_changed=days(366)), {"old-passwords": "Last changed on 2025-11-27, more than 365 days ago."}),
        (UserActivity(password_changed=days(365)), {}),
        (UserActivity(), {"unknown-passwords": "No recorded change. The audit trail starts on 2023-01-31."}),
        (UserActivity(since=days(30)), {}),
        (
            UserActivity(since=days(400)),
            {"unknown-passwords": "No recorded change since an earlier user of this name was deleted on 2025-10-24."},
        ),
    ],
)
def test_age_is_claimed_only_where_it_is_recorded(activity: UserActivity, expected: dict[str, str]) -> None:
    assert found(User("jdoe"), activity) == expected


@pytest.mark.parametrize("user", [RESERVED, User("jdoe", enabled=False)])
def test_passwords_that_nobody_has_to_change(user: User) -> None:
    assert found(user, UserActivity(password_changed=days(1000))) == {}


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ({"password_changed": 89}, set()),
        ({"password_changed": 91}, {"password-90-days"}),
        ({"password_changed": 366}, {"password-90-days", "password-1-year"}),
        ({}, {"password-age-unknown"}),
        ({"since": 30}, {"password-age-unknown"}),
        ({"since": 400}, {"password-age-unknown"}),
    ],
)
def test_filters(age: dict[str, int], expected: set[str]) -> None:
    activity = UserActivity(**{name: timezone.now() - timedelta(days=number) for name, number in age.items()})
    flags: tuple[Flag, ...] = get_args(PasswordFlag)
    assert {flag for flag in flags if matches(User("jdoe"), UserQuery(flags=(flag,)), activity=activity)} == expected
    known = age.get("password_changed", 0)
    listed = [days for days in (1, 89, 90, 365, 36_500) if matches(User("jdoe"), UserQuery(password_days=days), activity=activity)]
    assert listed == [days for days in (1, 89, 90, 365, 36_500) if days <= known]  # and some microseconds


@pytest.mark.parametrize(("limit", "is_old", "may_be_old"), [(30, True, True), (90, False, False)])
def test_limit_of_the_finding(limit: int, is_old: bool, may_be_old: bool) -> None:
    def slugs(activity: UserActivity) -> set[str]:
        context = rules.Context({}, GrantPaths([]), NOBODY, NOW, {"jdoe": activity}, password_days=limit)
        return {slug for slug, _ in rules.of_user(User("jdoe"), context)}

    assert ("old-passwords" in slugs(UserActivity(password_changed=days(60)))) is is_old
    assert ("unknown-passwords" in slugs(UserActivity(since=days(60)))) is may_be_old
