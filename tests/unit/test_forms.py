import json
import re
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from pytest_django import Settings

from accounts.forms.audit import AuditForm
from accounts.forms.fields import RolesField
from accounts.forms.jobs import JobForm
from accounts.forms.login import LoginForm
from accounts.forms.passwords import ChangePasswordForm
from accounts.forms.reviews import CreateReviewForm, ItemsForm
from accounts.forms.search import SearchForm
from accounts.forms.user_list import UserListForm
from accounts.forms.users import CreateUserForm, EditUserForm
from accounts.services.roles import Role
from accounts.services.users import User

ROLES = [Role("editor"), Role("viewer")]
GOOD = {"username": "jdoe", "password": "first-secret", "confirm_password": "first-secret", "roles": ["viewer"]}


def errors(**data: Any) -> dict[str, list[str]]:
    form = CreateUserForm({**GOOD, **data}, roles=ROLES)
    return {name: [str(message) for message in messages] for name, messages in form.errors.items()}


@pytest.mark.parametrize("typed", [" jdoe", "jdoe ", "\tjdoe\t", "\u00a0jdoe", "jdoe\r\n"])
def test_blanks_around_a_pasted_username_are_ignored(typed: str) -> None:
    login = LoginForm({"username": typed, "password": " x "})
    assert login.is_valid()
    assert login.cleaned_data == {"username": "jdoe", "password": " x "}
    assert SearchForm({"q": typed}).query() == "jdoe"
    assert UserListForm(QueryDict(urlencode({"q": typed}))).query().q == "jdoe"
    audit = AuditForm({"actor": typed, "target": typed}).query()
    assert (audit.actor, audit.target) == ("jdoe", "jdoe")
    assert ItemsForm({"q": typed}).query(10).q == "jdoe"
    review = CreateReviewForm({"title": "Q", "reviewers": typed})
    assert review.is_valid()
    assert review.cleaned_data["reviewers"] == ["jdoe"]


def test_blank_username_is_no_attempt() -> None:
    assert LoginForm({"username": " \t", "password": "x"}).errors == {"username": ["Enter a username."]}


def test_roles_that_can_only_be_removed_are_offered_last() -> None:
    form = JobForm(roles=ROLES, nonexistent=["absent", "editor"])
    assert list(cast(RolesField, form.fields["roles"]).widget.roles) == ["editor", "viewer", "absent"]


def test_a_good_user_has_no_errors() -> None:
    assert errors() == {}


@pytest.mark.parametrize(
    ("username", "message"),
    [
        ("", "Enter a username."),
        (" jdoe", "Username must not contain leading or trailing spaces."),
        ("jdoe ", "Username must not contain leading or trailing spaces."),
        ("жанна", "Username must contain only letters, numbers, spaces, punctuation, and symbols."),
        ("a\tb", "Username must contain only letters, numbers, spaces, punctuation, and symbols."),
        ("x" * 508, "Username can't be longer than 507 characters."),
        ("_password", "This username is reserved by the Elasticsearch API."),
    ],
)
def test_username_rules_have_kibanas_words(username: str, message: str) -> None:
    assert errors(username=username) == {"username": [message]}


@pytest.mark.parametrize("username", ["a/b", "..", "%2F", "a,b", "edit", "x?y#z", "x" * 507, "<b>", "'\"", "a:b", "a b"])
def test_odd_but_legal_usernames_pass(username: str) -> None:
    assert errors(username=username) == {}


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("", "Enter a password."),
        ("q7zx%wv", "Password must be at least 8 characters."),
        ("x" * 73, "Password can't be longer than 72 bytes, because Elasticsearch ignores the rest."),
        ("ж" * 37, "Password can't be longer than 72 bytes, because Elasticsearch ignores the rest."),
        ("secret\0secret", "Null characters are not allowed."),
    ],
)
def test_password_rules(password: str, message: str) -> None:
    assert errors(password=password)["password"] == [message]


def test_a_mismatch_stands_beside_the_second_field() -> None:
    assert errors(confirm_password="other-secret") == {"confirm_password": ["Passwords do not match."]}


@pytest.mark.parametrize("password", ["  spaces  ", "пароль-жанны", "🔑" * 8, "ж" * 36])
def test_a_password_is_taken_byte_for_byte(password: str) -> None:
    form = ChangePasswordForm({"password": password, "confirm_password": password}, user=User("jdoe"))

    assert form.is_valid()
    assert form.cleaned_data["password"] == password


def test_no_form_shows_a_password_again() -> None:
    form = CreateUserForm({**GOOD, "username": ""}, roles=ROLES)

    assert "first-secret" not in form.as_p()


def test_nonexistent_role_is_rejected() -> None:
    assert errors(roles=["viewer", "nope"]) == {"roles": ["Role 'nope' doesn't exist."]}


def test_assigned_nonexistent_role_can_stay() -> None:
    user = User("jdoe", roles=("gone",))
    form = EditUserForm(post(user, roles=["gone"]), roles=ROLES)

    assert form.is_valid()
    assert form.user("jdoe").roles == ("gone",)
    assert 'data-state="unknown"' in str(form["roles"])


def test_invalid_email_can_stay_but_not_be_set() -> None:
    user = User("jdoe", email="ask the desk")

    assert EditUserForm(post(user), roles=ROLES).is_valid()
    assert EditUserForm(post(user, email="ask"), roles=ROLES).errors == {"email": ["Enter a valid email address."]}


@pytest.mark.parametrize(
    "email",
    [
        "jane@example.org",
        "jörg@beispiel.example",
        "пример@кц.рф",
        "संपर्क@डाटामेल.भारत",
        "admin@10.0.0.1",
        "root@localhost",
        "me@[2001:db8::7]",
        "j..doe.@docomo.example",
        "o'brien+list/a=b@x-y.museum",
        '"jane doe"@example.org',
        "  jane@example.org\t",
    ],
)
def test_addresses_that_people_have(email: str) -> None:
    form = CreateUserForm({**GOOD, "email": email}, roles=ROLES)

    assert form.is_valid(), form.errors
    assert form.user("jdoe").email == email.strip()


@pytest.mark.parametrize(
    "email",
    [
        "jane",
        "@example.org",
        "jane@",
        "jane@a@b",
        "jane@x,org",
        "a@x.org, b@x.org",
        "ja ne@x.org",
        "jane@x..org",
        "jane@x.org.",
        "a\x7fb@x",
    ],
)
def test_texts_that_are_no_address(email: str) -> None:
    assert errors(email=email) == {"email": ["Enter a valid email address."]}


def test_a_role_that_is_posted_twice_is_one_role() -> None:
    form = CreateUserForm({**GOOD, "roles": ["viewer", "editor", "viewer"]}, roles=ROLES)

    assert form.is_valid()
    assert form.user("jdoe").roles == ("viewer", "editor")


@pytest.mark.parametrize(
    ("stored", "posted"),
    [
        (User("jdoe", full_name="J\nD\r\n\r"), {"full_name": "JD"}),
        (User("jdoe", full_name="J\0D"), {"full_name": "J\ufffdD"}),
        (User("jdoe", full_name="J\nD"), {"full_name": "J\nD"}),
        (User("jdoe", email=" asf "), {"email": " asf "}),
        (User("jdoe", roles=("viewer", "editor", "viewer", "gone")), {"roles": ["editor", "gone", "viewer"]}),
    ],
)
def test_what_a_browser_posts_for_a_stored_value_is_no_change(stored: User, posted: dict[str, Any]) -> None:
    form = EditUserForm(post(stored, **posted), roles=ROLES)

    assert form.is_valid(), form.errors
    assert form.user("jdoe") == stored


def test_roles_keep_their_order_and_added_ones_come_last() -> None:
    form = EditUserForm(
        post(User("jdoe", roles=("viewer", "gone", "editor")), roles=["admin", "editor", "viewer"]), roles=[*ROLES, Role("admin")]
    )

    assert form.is_valid()
    assert form.user("jdoe").roles == ("viewer", "editor", "admin")


def test_options_say_what_a_role_is_without_javascript() -> None:
    form = EditUserForm.of(User("jdoe", roles=("<gone>",)), [Role("viewer"), Role("kibana_user", is_deprecated=True)])

    labels = re.findall(r'label="(.*?)"', str(form["roles"]))
    assert labels == ["&lt;gone&gt; (doesn't exist)", "kibana_user (deprecated)"]


def test_password_rules_are_said_before(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("acme-2026")
    blocklist = {"NAME": "accounts.services.passwords.policy.BlocklistValidator", "OPTIONS": {"path": str(tmp_path / "blocked")}}
    settings.AUTH_PASSWORD_VALIDATORS = [*settings.AUTH_PASSWORD_VALIDATORS, blocklist]

    help_text = CreateUserForm(roles=ROLES).fields["password"].help_text

    for rule in (
        "At least 8 characters.",
        "At most 72 bytes",
        "Not a common password.",
        "Not similar to the username",
        "blocklist.",
    ):
        assert rule in help_text
    assert help_text == ChangePasswordForm(user=User("jdoe")).fields["password"].help_text


def test_edit_conflict_keeps_typed_values() -> None:
    seen, now = User("jdoe", "Jane", "jane@example.org", ("viewer",)), User("jdoe", "Janet", "jane@example.com", ("viewer",))
    form = EditUserForm(post(seen, full_name="Jane Doe"), roles=ROLES)
    assert form.is_valid()

    rebased = form.rebased(now)

    assert rebased.is_valid()
    assert rebased.user("jdoe") == User("jdoe", "Jane Doe", "jane@example.com", ("viewer",))
    assert rebased.cleaned_data["seen"].full_name == "Janet"


def test_a_forged_start_breaks_nothing() -> None:
    seen = json.dumps({"full_name": 1, "email": [], "roles": [{}], "enabled": 0})

    assert EditUserForm({"seen": seen, "full_name": "Jane", "email": "", "roles": ["viewer"]}, roles=ROLES).is_valid()


@pytest.mark.parametrize("seen", ["", "nonsense", "[]", '{"full_name": 1}'])
def test_a_form_without_its_start_is_incomplete(seen: str) -> None:
    form = EditUserForm({"seen": seen}, roles=ROLES)

    assert form.errors["seen"] == ["The form is incomplete. Reload the page."]


def post(user: User, **changes: Any) -> QueryDict:
    """What the browser would send from the form of that user."""
    body = {"full_name": user.full_name, "email": user.email, "roles": list(user.roles), "enabled": user.enabled}
    data = QueryDict(mutable=True)
    for name, value in {"seen": json.dumps(body), **body, **changes}.items():
        data.setlist(name, value) if isinstance(value, list) else data.update({name: value})
    return data
