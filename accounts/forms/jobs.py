"""Forms and query strings of bulk changes."""

from collections.abc import Iterable
from typing import Any, Final, cast

from django import forms
from django.http import QueryDict

from accounts.forms.fields import RolesField
from accounts.forms.user_list import UserListForm
from accounts.services.jobs import ACTIONS, ROLE_ACTIONS, StepQuery
from accounts.services.roles import Role
from accounts.services.users import UserQuery

PAGE_SIZE: Final = 50
SELECTED, MATCHING = "selected", "matching"


class JobForm(forms.Form):
    """Whom to change, and how. `filter`: the query string of the user list."""

    users = forms.ChoiceField(
        choices=[(SELECTED, "Selected users"), (MATCHING, "All users that match the filter")],
        widget=forms.RadioSelect,
        error_messages={"required": "Select the users to change."},
    )
    action = forms.ChoiceField(
        label="Action",
        choices=[(name, label) for name, label in ACTIONS.items() if name != "import"],
        widget=forms.RadioSelect,
        error_messages={"required": "Select an action."},
    )
    roles = RolesField(label="Roles", required=False, help_text="For adding, removing, and replacing roles.")
    revoke_keys = forms.BooleanField(
        label="Also revoke their API keys",
        required=False,
        help_text="For deactivating and deleting. Otherwise their API keys keep working.",
    )
    filter = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, roles: Iterable[Role], nonexistent: Iterable[str], **kwargs: Any) -> None:
        """`nonexistent`: names of nonexistent roles, which can only be removed."""
        super().__init__(data, **kwargs)
        field = cast(RolesField, self.fields["roles"])
        field.offer(roles)
        field.offer_too(nonexistent, last=True)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("action") in ROLE_ACTIONS and "roles" in data and not data["roles"]:
            self.add_error("roles", "Select at least one role.")
        offered = cast(RolesField, self.fields["roles"]).widget.roles
        nonexistent = [name for name in data.get("roles", ()) if offered[name].is_unknown]
        if data.get("action") in ("add-roles", "replace-roles") and nonexistent:
            self.add_error("roles", f"Role '{nonexistent[0]}' doesn't exist.")
        return data


def user_query(filter: str) -> UserQuery:
    """The users that a query string of the user list shows."""
    return UserListForm(QueryDict(filter)).query()


class StepsForm(forms.Form):
    """The query string of a job's page."""

    state = forms.ChoiceField(
        choices=[(name, name) for name in ("pending", "started", "success", "failure", "unknown", "skipped")], required=False
    )
    after = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    before = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)

    def query(self) -> StepQuery:
        self.is_valid()
        asked: dict[str, Any] = self.cleaned_data
        return StepQuery(asked.get("state", ""), asked.get("after") or 0, asked.get("before") or 0, PAGE_SIZE)
