"""The form of an import."""

from typing import Final

from django import forms
from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables

from accounts.services import imports
from accounts.services.imports import Contents, UnreadableFile

FILE: Final = forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.ndjson,.jsonl,.xlsx,.zip", "data-test-subj": "importFile"})


class ImportForm(forms.Form):
    """A file, read by the form, so that an unreadable one is an error beside the field. Its `contents` can have problems."""

    file = forms.FileField(
        label="File",
        widget=FILE,
        help_text=f"CSV, NDJSON, XLSX, or the ZIP file of an export. Up to {imports.MAX_FILE_SIZE >> 20} MB "
        f"and {imports.MAX_USERS:,} users.",
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
        max_length=255,
    )

    @sensitive_variables()
    def clean_file(self) -> Contents:
        try:
            return imports.read(self.cleaned_data["file"])
        except UnreadableFile as exc:
            raise ValidationError(str(exc), "unreadable") from None
