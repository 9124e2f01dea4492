"""The query string of the list of API keys, a new API key, and the reason for revoking one."""

import json
from typing import Any, Final, cast

from django import forms
from django.http import QueryDict

from accounts.forms.fields import ReasonField, hook
from accounts.forms.user_list import DEFAULT_SIZE, PAGE_SIZES
from accounts.services.api_keys import ApiKeyQuery, Summary
from accounts.services.api_keys.query import FIELDS, IDENTIFYING, MAX_SEARCH_LENGTH, Position, Sort

MAX_NUMBER: Final = 10**9
MAX_INTEGER: Final = 2**63
MAX_NAME_LENGTH: Final = 256  # of Elasticsearch
PRIVILEGES: Final = {"manage_security": "Manage users (manage_security)", "read_security": "View users (read_security)"}
LIFETIMES: Final = [(days, f"In {days} days") for days in (7, 30, 90, 180, 365)]
DEFAULT_LIFETIME: Final = 90
STATES: Final = {"active": "Active", "expired": "Expired", "revoked": "Revoked"}
EXPIRATIONS: Final = {"never": "Never", "soon": "Within 30 days"}
AGES: Final = {"old": "Older than a year"}
ADMINISTRATORS: Final = {
    "yes": "Can become an administrator",
    "unknown": "May become an administrator",
    "no": "Can't become an administrator",
}
TYPES: Final = {"rest": "REST", "cross_cluster": "Cross-cluster"}
DEFAULT_SORT: Final = "-created"
SORTS: Final = {
    DEFAULT_SORT: "Newest first",
    "created": "Oldest first",
    "name": "Name, A to Z",
    "-name": "Name, Z to A",
    "owner": "Owner, A to Z",
    "-owner": "Owner, Z to A",
    "expires": "Expires first",
    "-expires": "Expires last",
}
SEARCH: Final = hook(
    "searchApiKeys", type="search", placeholder="Search by name, owner, or ID", autocomplete="off", spellcheck="false"
)


class ApiKeyListForm(forms.Form):
    """Any query string has an answer: values that can't be used are ignored."""

    q = forms.CharField(label="Search", required=False, max_length=MAX_SEARCH_LENGTH, widget=forms.TextInput(attrs=SEARCH))
    state = forms.ChoiceField(label="State", required=False, choices=[("", "Any"), *STATES.items()])
    expires = forms.ChoiceField(label="Expires", required=False, choices=[("", "Any"), *EXPIRATIONS.items()])
    age = forms.ChoiceField(label="Age", required=False, choices=[("", "Any"), *AGES.items()])
    administrator = forms.ChoiceField(label="Administrator", required=False, choices=[("", "Any"), *ADMINISTRATORS.items()])
    type = forms.ChoiceField(label="Type", required=False, choices=[("", "Any"), *TYPES.items()])
    realm = forms.CharField(label="Realm", required=False, widget=forms.Select)
    sort = forms.ChoiceField(label="Sort by", required=False, choices=[*SORTS.items()])
    size = forms.ChoiceField(required=False, choices=[(str(size), size) for size in PAGE_SIZES], widget=forms.HiddenInput)
    after = forms.CharField(required=False)
    before = forms.CharField(required=False)
    last = forms.CharField(required=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=MAX_NUMBER)

    def __init__(self, data: QueryDict, summary: Summary | None = None) -> None:
        """`summary`: the numbers that the options show."""
        super().__init__(data, initial={"sort": DEFAULT_SORT})
        chosen = data.get("realm", "")
        realms: dict[str, int | None] = {**({chosen: None} if chosen else {}), **(summary.by_realm if summary else {})}
        self._offer("realm", [("", "Any"), *((realm, _counted(realm, number)) for realm, number in realms.items())])
        if summary:
            for name, labels in (("state", STATES), ("expires", EXPIRATIONS), ("age", AGES)):
                counted = [(value, _counted(label, summary.by_filter[value])) for value, label in labels.items()]
                self._offer(name, [("", "Any"), *counted])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        widget: forms.Select = self.fields[name].widget
        widget.choices = choices

    def query(self) -> ApiKeyQuery:
        self.is_valid()
        asked: dict[str, Any] = self.cleaned_data
        sort = asked.get("sort") or DEFAULT_SORT
        field = cast(Sort, sort.removeprefix("-"))
        return ApiKeyQuery(
            q=asked.get("q", ""),
            state=asked.get("state", ""),
            expiration=asked.get("expires", ""),
            is_old=bool(asked.get("age")),
            type=asked.get("type", ""),
            realm=asked.get("realm", ""),
            administrator=asked.get("administrator", ""),
            sort=field,
            descending=sort.startswith("-"),
            size=int(asked.get("size") or DEFAULT_SIZE),
            after=_position(asked.get("after", ""), field),
            before=_position(asked.get("before", ""), field),
            last=bool(asked.get("last")),
            number=asked.get("page") or 1,
        )


class CreateApiKeyForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=MAX_NAME_LENGTH,
        help_text="What the key is for, such as “Password rotation”. Recorded in the audit trail.",
        error_messages={"required": "Enter a name."},
        widget=forms.TextInput(attrs=hook("apiKeyName", autocomplete="off", autofocus=True)),
    )
    privilege = forms.ChoiceField(label="Privilege", widget=forms.Select(attrs=hook("apiKeyPrivilege")))
    days = forms.TypedChoiceField(
        label="Expires", coerce=int, choices=LIFETIMES, initial=DEFAULT_LIFETIME, widget=forms.Select(attrs=hook("apiKeyLifetime"))
    )

    def __init__(self, data: QueryDict | None, *, can_manage: bool) -> None:
        super().__init__(data)
        widget: forms.ChoiceField = self.fields["privilege"]  # type: ignore[assignment]
        widget.choices = [each for each in PRIVILEGES.items() if can_manage or each[0] == "read_security"]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name.startswith("_"):
            raise forms.ValidationError("Name can't start with an underscore.", code="underscore")
        return name


class RevokeApiKeyForm(forms.Form):
    reason = ReasonField(test_subject="revokeReason")


def _counted(label: str, number: int | None) -> str:
    return label if number is None else f"{label} ({number:,})"


def _position(text: str, sort: Sort) -> Position | None:
    """The sort values of the row before or after the page, as a JSON array; None if they don't fit."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    fields = [FIELDS[sort], *(name for name in IDENTIFYING if name != FIELDS[sort])]
    if not isinstance(values, list) or len(values) != len(fields):
        return None
    return values if all(_fits(value, name) for value, name in zip(values, fields, strict=True)) else None


def _fits(value: object, field: str) -> bool:
    if field in ("creation", "expiration"):
        return type(value) is int and abs(value) <= MAX_INTEGER
    return value is None or isinstance(value, str)
