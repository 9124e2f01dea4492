"""The forms of comparisons."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, BinaryIO, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.forms.fields import start_of_day
from accounts.services.compare import open_export
from accounts.services.exports import Export, InvalidExport
from accounts.services.reviews import Review

DAY: Final = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
FILE: Final = forms.ClearableFileInput(attrs={"accept": ".zip,.xlsx"})


class TrailForm(forms.Form):
    """Two dates, each at its start; the end date is now by default. `trail_start`: of the audit trail."""

    since = forms.DateField(label="Start date", widget=DAY, error_messages={"required": "Choose a date."})
    until = forms.DateField(
        label="End date", widget=DAY, required=False, help_text="Start of day. Leave empty to compare with the current state."
    )

    def __init__(self, *args: Any, trail_start: datetime | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.trail_start = trail_start

    def clean_since(self) -> datetime:
        """The day on which the audit trail starts is no error: the page says so."""
        since = start_of_day(self.cleaned_data["since"])
        if self.trail_start is None or since.date() < timezone.localtime(self.trail_start).date():
            raise ValidationError(self._too_early(), "too-early")
        if since > timezone.now():
            raise ValidationError("Choose a date that isn't in the future.", "too-late")
        return since

    def clean_until(self) -> datetime | None:
        until = self.cleaned_data["until"]
        return start_of_day(until) if until else None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until <= since:
            self.add_error("until", ValidationError("End date must be after start date.", "order"))
        return cleaned

    def _too_early(self) -> str:
        return (
            f"The audit trail has no events before {timezone.localtime(self.trail_start):%Y-%m-%d}."
            if self.trail_start
            else "The audit trail is empty."
        )


class ExportFilesForm(forms.Form):
    """Two files, verified by the form so that errors are shown beside the field."""

    one = forms.FileField(label="First export", widget=FILE)
    other = forms.FileField(label="Second export", widget=FILE)

    def clean_one(self) -> Export:
        return _opened(self.cleaned_data["one"])

    def clean_other(self) -> Export:
        return _opened(self.cleaned_data["other"])


class ReviewsForm(forms.Form):
    one = forms.ChoiceField(label="First review")
    other = forms.ChoiceField(label="Second review")

    def __init__(self, *args: Any, offered: Sequence[Review], **kwargs: Any) -> None:
        # The form of the exports on the same page has fields with the same names.
        super().__init__(*args, **{"auto_id": "id_review_%s", **kwargs})
        self.subjects = {review.id: review.subject.nouns for review in offered}
        choices = [(review.id, _label(review)) for review in offered]
        for field in (self.fields["one"], self.fields["other"]):
            field.choices = choices  # type: ignore[attr-defined]
        self.initial = _newest(offered)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("one") or not cleaned.get("other"):
            return cleaned
        one, other = self.subjects[cleaned["one"]], self.subjects[cleaned["other"]]
        if cleaned["one"] == cleaned["other"]:
            self.add_error("other", ValidationError("Choose two different reviews.", "same"))
        elif one != other:
            text = f"Choose two reviews of the same subject. The first one is about {one}, the second one about {other}."
            self.add_error("other", ValidationError(text, "subject"))
        return cleaned


def _label(review: Review) -> str:
    canceled = ", canceled" if review.cancellation else ""
    return f"{review.title} ({timezone.localtime(review.created):%Y-%m-%d}, {review.subject.nouns}{canceled})"


def _newest(offered: Sequence[Review]) -> dict[str, str]:
    """The two newest reviews of the same subject as the newest one."""
    same = [review.id for review in offered if review.subject is offered[0].subject]
    return {"one": same[1], "other": same[0]} if len(same) > 1 else {}


def _opened(file: BinaryIO) -> Export:
    try:
        return open_export(file)
    except InvalidExport as exc:
        raise ValidationError(str(exc), "invalid-export") from None
