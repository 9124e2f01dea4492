"""Times in the reader's time zone, with UTC at hand."""

from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def moment(when: datetime | str, precision: str = "minutes") -> SafeString:
    """A `<time>` of an aware datetime, or of its ISO form; `precision`: "minutes" or "seconds".

    Not with Django's `date`, which takes ten times as long, and lists have dozens of times.
    """
    aware = datetime.fromisoformat(when) if isinstance(when, str) else when
    local = timezone.localtime(aware)
    in_utc, shown = _text(aware.astimezone(UTC), "seconds"), _text(local, precision)
    # Nothing of a datetime needs to be escaped: ISO forms, and the name of a zone.
    return mark_safe(f'<time datetime="{aware.isoformat()}" title="{in_utc} UTC">{shown} {local.tzname()}</time>')  # noqa: S308


def _text(aware: datetime, precision: str) -> str:
    return aware.replace(tzinfo=None).isoformat(" ", precision)
