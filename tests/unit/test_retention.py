"""Which months are old, and what the page System says about it."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from accounts.services.cluster.overview import Index
from accounts.services.documents import indices

KEPT = "Kept; AUDIT_RETENTION_DAYS=400: deleted by delete_old_records 400 days after the end of the month"


@pytest.mark.parametrize(
    ("name", "is_old"),
    [
        ("usermgmt-audit-2026.02", True),
        ("usermgmt-audit-1999.12", True),
        ("usermgmt-audit-2026.03", False),
        ("usermgmt-audit-2026.04", False),
        ("usermgmt-audit-9999.12", False),
        ("usermgmt-audit-2026.00", False),
        ("usermgmt-audit-2025.13", False),
        ("usermgmt-audit-2026.1", False),
        ("usermgmt-audit-2026.01-000001", False),
        ("partial-usermgmt-audit-2026.01", False),
        ("usermgmt-audit-2026-01", False),
        ("usermgmt-audit-²⁰²⁵.01", False),
    ],
)
def test_months_that_have_ended(name: str, is_old: bool) -> None:
    assert indices.is_audit_month_before(name, datetime(2026, 3, 1, tzinfo=UTC)) == is_old
    assert indices.is_audit_month_before(name, datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)) == is_old


@pytest.mark.parametrize(
    ("policy", "days", "expected"),
    [("", 0, "Kept"), ("", 400, KEPT), ("old", 0, "ILM policy old"), ("old", 400, KEPT.replace("Kept", "ILM policy old"))],
)
def test_the_page_system_shows_policy_and_setting(settings: Settings, policy: str, days: int, expected: str) -> None:
    settings.AUDIT_RETENTION = timedelta(days=days)
    assert Index("usermgmt-audit-2026.03", policy).retention == expected
    assert Index(indices.SESSIONS, "").retention == "Until a session ends"
