"""The form of an export."""

from typing import Any, Final

from django import forms

from accounts.services.exports import FORMATS

HELP: Final = {
    "csv": "For spreadsheets: a ZIP file with {name}.csv and completeness.json",
    "csv-semicolon": "The same for Excel in languages with a decimal comma, such as German",
    "ndjson": "For programs: a ZIP file with {name}.ndjson and completeness.json",
    "xlsx": "Excel workbook with the rows and the sheet Completeness",
}


class ExportForm(forms.Form):
    """The file format."""

    format = forms.ChoiceField(choices=[(format.name, format.label) for format in FORMATS.values()], widget=forms.RadioSelect)

    def __init__(self, *args: Any, name: str = "users") -> None:
        """`name`: of the file with the rows."""
        super().__init__(*args)
        self._name = name

    @property
    def options(self) -> list[tuple[str, str, str, bool]]:
        """Name, label, and help text of each format, and whether it is selected."""
        chosen = self["format"].value() or next(iter(FORMATS))
        return [
            (format.name, format.label, HELP[format.name].format(name=self._name), format.name == chosen)
            for format in FORMATS.values()
        ]
