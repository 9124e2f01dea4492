"""The query string of the list of role mappings. Any query string has an answer: values that can't be used are ignored."""

from typing import Any

from django import forms

from accounts.forms.fields import hook
from accounts.services.role_mappings import MappingQuery
from accounts.services.role_mappings.query import ADMINISTRATOR, CONTENT, REACH, SORT, STATUS
from accounts.services.users import MAX_SEARCH_LENGTH


def _choice(label: str, choices: dict[str, str], name: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, required=False, choices=[("", "Any"), *choices.items()], widget=forms.Select(attrs=hook(name))
    )


class RoleMappingForm(forms.Form):
    q = forms.CharField(
        label="Search",
        required=False,
        widget=forms.TextInput(
            attrs=hook(
                "searchRoleMappings", type="search", maxlength=MAX_SEARCH_LENGTH, placeholder="Search by name, role, or rule"
            )
        ),
    )
    status = _choice("Status", STATUS, "roleMappingStatus")
    administrator = _choice("Makes administrators", ADMINISTRATOR, "roleMappingAdministrator")
    reach = _choice("Applies to", REACH, "roleMappingReach")
    content = _choice("With", CONTENT, "roleMappingContent")
    sort = forms.ChoiceField(required=False, choices=list(SORT.items()), widget=forms.HiddenInput)
    order = forms.ChoiceField(required=False, choices=[("asc", ""), ("desc", "")], widget=forms.HiddenInput)

    def query(self) -> MappingQuery:
        """The filters, without invalid ones."""
        self.is_valid()
        asked: dict[str, Any] = self.cleaned_data
        filters = {name: asked.get(name, "") for name in ("status", "administrator", "reach", "content")}
        return MappingQuery(
            q=str(asked.get("q", ""))[:MAX_SEARCH_LENGTH],
            **filters,
            sort=asked.get("sort") or "name",
            descending=asked.get("order") == "desc",
        )
