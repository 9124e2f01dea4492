"""Changes of an event in words, on pages."""

from django.utils import timezone

from accounts.services.audit import Event
from accounts.services.request_context import Actor
from accounts.templatetags.audit import change_lines


def test_values_turn_no_words_around() -> None:
    """U+202E makes the text after it run from right to left, and "from Eve to Ada" could read as its opposite."""
    changes = {"full_name": ("<b>\u202eeve", "Ada"), "roles": ([], ["viewer", "editor"])}
    event = Event("1", timezone.now(), Actor("ada"), "user-update", "user", "jdoe", changes=changes)
    assert change_lines(event) == [
        "full name changed from <bdi>&lt;b&gt;\u202eeve</bdi> to <bdi>Ada</bdi>",
        "roles changed from <bdi>none</bdi> to <bdi>viewer, editor</bdi>",
    ]
