"""Fields of filter forms that functions write are those that Django writes."""

import re

import pytest
from django import forms
from django.http import QueryDict
from django.utils.html import strip_spaces_between_tags

from accounts.forms.api_keys import ApiKeyListForm, CreateApiKeyForm
from accounts.forms.role_mappings import RoleMappingForm
from accounts.forms.service_accounts import ServiceAccountForm
from accounts.services.api_keys import Summary
from accounts.templatetags.filter_fields import filter_fields
from accounts.views import api_keys, role_mappings, service_accounts

HOSTILE = "%22%3E%3Cb%3E%27%26"
SUMMARY = Summary(3, dict.fromkeys(("active", "expired", "revoked", "never", "soon", "old"), 1234), {'"><i>': 3, "native": 1})


def of_django(form: forms.Form, names: tuple[str, ...]) -> str:
    return "".join(str(form[name] if form[name].is_hidden else form[name].as_field_group()) for name in names)


def squeezed(html: str) -> str:
    return re.sub(r"\s+", " ", strip_spaces_between_tags(html)).replace("> <", "><").strip()


@pytest.mark.parametrize(
    "query",
    [
        "",
        f"q={HOSTILE}&realm={HOSTILE}&state={HOSTILE}&size={HOSTILE}&tokens={HOSTILE}&status={HOSTILE}",
        "q=&state=active&expires=soon&age=old&type=rest&realm=native&sort=-name&size=50",
        "q=a+b&status=disabled&administrator=unknown&reach=nobody&content=templates&sort=name&order=desc&tokens=without",
        f"q={'x' * 300}&administrator=yes",
    ],
)
def test_fields_are_those_of_django(query: str) -> None:
    data = QueryDict(query)
    for form, names in (
        (ApiKeyListForm(data, SUMMARY), api_keys.FIELDS),
        (ApiKeyListForm(data), api_keys.FIELDS),
        (RoleMappingForm(data), role_mappings.FIELDS),
        (ServiceAccountForm(data), service_accounts.FIELDS),
    ):
        form.is_valid()
        html = filter_fields(form, names)
        assert squeezed(html) == squeezed(of_django(form, names))
        assert "<b>" not in html
        assert "<i>" not in html


def test_fields_that_functions_cannot_write_are_left_to_django() -> None:
    form = CreateApiKeyForm(None, can_manage=True)
    assert squeezed(filter_fields(form, ("name",))) == squeezed(str(form["name"].as_field_group()))
    choices = forms.MultipleChoiceField(choices=[("a", "A")])
    several = type("Several", (forms.Form,), {"several": choices})()
    assert " multiple" in filter_fields(several, ("several",))
