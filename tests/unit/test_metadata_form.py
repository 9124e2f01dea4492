"""The rows in which metadata is edited: types, limits, what isn't edited, and conflicts."""

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.http import QueryDict

from accounts.forms import metadata
from accounts.forms.users import EditUserForm
from accounts.services.users import User

STORED: dict[str, Any] = {
    "": "empty key",
    " a\n": "line\r\nbreak \0",
    "badge": None,
    "desk": {"floor": 2.0, "no": 2**70},
    "flag": True,
    "number": 1.0,
    "text": "1",
    "_own": "kept",
}
OWN = {key: value for key, value in STORED.items() if key != "_own"}
JDOE = User("jdoe", metadata=STORED)


def posted(user: User = JDOE, /, **changes: str | None) -> QueryDict:
    """What a browser posts from the form of the user; None: an unchecked box."""
    form = EditUserForm.of(user, [])
    rows = form.metadata
    data = {"full_name": "", "email": "", "seen": form["seen"].value()}
    data |= {
        f"{rows.management_form.prefix}-{name}": str(rows.management_form[name].value())
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    for row in rows.forms:
        data |= {row[name].html_name: browser(name, row[name].value() or "") for name in ("key", "type", "value")}
    data |= {name.replace("_", "-"): value for name, value in changes.items() if value is not None}
    query = QueryDict(mutable=True)
    query.update(data)
    return query


def browser(name: str, value: str) -> str:
    value = value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return value.replace("\n", "\r\n") if name == "value" else value.replace("\n", "")


def row_of(key: str) -> int:
    return sorted(OWN).index(key)


def edited(user: User = JDOE, /, **changes: str | None) -> EditUserForm:
    return EditUserForm(posted(user, **changes), roles=[])


def problems(form: EditUserForm) -> list[str]:
    return [str(error) for error in form["metadata_rows"].errors]


def test_what_isnt_edited_stays_exactly_as_it_is() -> None:
    form = edited()
    assert form.is_valid(), form.errors
    assert json.dumps(form.user("jdoe").metadata) == json.dumps(dict(sorted(OWN.items())))


def test_rows_are_added_changed_renamed_and_removed() -> None:
    changes = {
        f"metadata_{row_of('flag')}_DELETE": "on",
        f"metadata_{row_of('text')}_type": "number",
        f"metadata_{row_of('badge')}_key": "renamed",
        f"metadata_{len(OWN)}_key": "new",
        f"metadata_{len(OWN)}_type": "json",
        f"metadata_{len(OWN)}_value": '{"a": [1]}',
    }
    form = edited(**changes)
    assert form.is_valid(), form.errors
    expected = {**OWN, "text": 1, "renamed": None, "new": {"a": [1]}}
    del expected["flag"], expected["badge"]
    assert form.user("jdoe").metadata == expected


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("text", "a\nb", "a\nb"),
        ("text", "", ""),
        ("number", " 12345678901234567890123 ", 12345678901234567890123),
        ("number", "-0.5e3", -500.0),
        ("boolean", "TRUE", True),
        ("json", "null", None),
        ("json", '["true", true]', ["true", True]),
    ],
)
def test_values_have_types(kind: str, text: str, value: object) -> None:
    parsed = metadata.parse(kind, text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        ("number", "true", "Enter a number"),
        ("number", "1e400", "Enter a number"),
        ("number", "NaN", "Enter a number"),
        ("boolean", "yes", "Enter true or false."),
        ("json", "{a: 1}", "Enter valid JSON"),
        ("json", "1" * 5000, "Enter valid JSON"),
        ("json", '"\\ud800"', "Enter valid JSON"),
        ("json", '{"a": 1, "a": 2}', "A key is used twice"),
        ("json", "[" * 21 + "]" * 21, "up to 20 levels"),
        ("json", "[" * 100_000, "up to 20 levels"),
    ],
)
def test_other_values_are_rejected(kind: str, text: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        metadata.parse(kind, text)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"key": "", "value": "x"}, "New key: Enter a key."),
        ({"key": "_x"}, "_x: Keys that start with an underscore are reserved for Elasticsearch."),
        ({"key": "flag"}, "flag: This key is already used in another row."),
        ({"key": "k" * 257}, f"{'k' * 257}: A key can have up to 256 characters."),
        ({"key": "x", "type": "number", "value": "y"}, "x: Enter a number, such as 42 or 0.5."),
        ({"key": "x", "value": "é" * 33_000}, "All keys and values together can have up to 64 KB as JSON."),
    ],
)
def test_problems_name_the_key_and_keep_what_was_typed(row: dict[str, str], problem: str) -> None:
    form = edited(**{f"metadata_{len(OWN)}_{name}": text for name, text in row.items()})
    assert not form.is_valid()
    assert problems(form) == [problem]
    assert form.metadata.forms[-1]["key"].value() == row["key"]


def test_invalid_keys_are_not_the_same_key() -> None:
    data = posted()
    data.update({"metadata-TOTAL_FORMS": str(len(OWN) + 2)})
    for number, key in enumerate(["_a", "_b"], start=len(OWN)):
        data.update({f"metadata-{number}-{name}": text for name, text in (("key", key), ("type", "text"), ("value", "x"))})
    form = EditUserForm(data, roles=[])
    reserved = "Keys that start with an underscore are reserved for Elasticsearch."
    assert problems(form) == [f"_a: {reserved}", f"_b: {reserved}"]


def test_metadata_that_is_too_large_or_wasnt_in_the_form_stays() -> None:
    large = User("jdoe", metadata={str(number): 1 for number in range(101)})
    assert not metadata.is_editable(large.metadata)
    data = posted(large)
    for name in [name for name in data if name.startswith("metadata-")]:
        del data[name]
    form = EditUserForm(data, roles=[])
    assert form.is_valid(), form.errors
    assert form.user("jdoe").metadata == {}
    assert form.cleaned_data["seen"].metadata == {}


def test_a_conflict_keeps_edits_and_takes_the_rest_from_the_current_user() -> None:
    user = User("jdoe", metadata={"a": 1, "b": 1, "c": 1, "d": 1})
    changes = {"metadata_0_value": "2", "metadata_1_DELETE": "on", "metadata_4_key": "e", "metadata_4_value": "new"}
    form = edited(user, **changes)
    assert form.is_valid(), form.errors
    now = User("jdoe", metadata={"a": 9, "b": 9, "d": 9, "f": 9})

    again = form.rebased(now)

    assert again.is_valid(), again.errors
    assert again.user("jdoe").metadata == {"a": 2, "d": 9, "e": "new", "f": 9}
    assert again.cleaned_data["seen"].metadata == now.metadata
    assert again.metadata.forms[1]["DELETE"].value()
    assert again.metadata.forms[-1]["key"].value() == ""
