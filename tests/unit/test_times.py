"""Times on pages: in the reader's time zone, whose name is there also where it is ambiguous."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.templatetags.times import moment


@pytest.mark.parametrize(
    ("hour", "shown"),
    [(0, "2026-10-25 02:30 CEST"), (1, "2026-10-25 02:30 CET"), (2, "2026-10-25 03:30 CET")],  # clocks are set back at 01:00 UTC
)
def test_moment(hour: int, shown: str) -> None:
    when = datetime(2026, 10, 25, hour, 30, 7, 123, UTC)
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert moment(when).endswith(f'title="2026-10-25 0{hour}:30:07 UTC">{shown}</time>')
        assert moment(when.isoformat(), "seconds").endswith(f">{shown[:16]}:07{shown[16:]}</time>")


def test_moment_of_another_zone() -> None:
    with timezone.override(ZoneInfo("America/Sao_Paulo")):
        assert moment("2026-11-24T15:01:07+05:30") == (
            '<time datetime="2026-11-24T15:01:07+05:30" title="2026-11-24 09:31:07 UTC">2026-11-24 06:31 -03</time>'
        )
