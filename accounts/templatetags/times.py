"""Times in the reader's time zone, with UTC at hand."""

from datetime import UTC, datetime

from django import template
from django.utils import dateformat, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def moment(when: datetime | str, format: str = "Y-m-d H:i T") -> SafeString:
    """A `<time>` of an aware datetime, or of its ISO form; `format` as of Django's `date`."""
    aware = datetime.fromisoformat(when) if isinstance(when, str) else when
    in_utc = dateformat.format(aware.astimezone(UTC), "Y-m-d H:i:s")
    shown = dateformat.format(timezone.localtime(aware), format)
    return format_html('<time datetime="{}" title="{} UTC">{}</time>', aware.isoformat(), in_utc, shown)
