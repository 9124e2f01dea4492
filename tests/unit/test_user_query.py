from dataclasses import replace

import pytest
from django.http import QueryDict

from accounts.forms.user_list import UserListForm
from accounts.services import users
from accounts.services.errors import InvalidFilter
from accounts.services.exports.filters import describe_users, query_string
from accounts.services.users import UserQuery


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", UserQuery()),
        ("q=+jane++doe+&reserved=0", UserQuery(q="jane  doe", kind="native")),
        ("reserved=0&reserved=1&size=50&role=viewer", UserQuery(roles=("viewer",), size=50)),
        ("role=a&role=b&role=a&role=&flag=no-roles&flag=x", UserQuery(roles=("a", "b"), flags=("no-roles",))),
        ("status=deactivated&kind=reserved&reserved=0", UserQuery(status="deactivated", kind="reserved")),
        (
            "sort=status&order=desc&after=[1,%22jdoe%22]&page=3",
            UserQuery(sort="status", descending=True, after=(1, "jdoe"), number=3),
        ),
        ("sort=roles&before=[null,%22jdoe%22]&page=2", UserQuery(sort="roles", before=(None, "jdoe"), number=2)),
        ("last=1", UserQuery(last=True)),
        ("password_days=45&flag=password-1-year", UserQuery(password_days=45, flags=("password-1-year",))),
        ("password_days=&password_days=", UserQuery()),
        ("page=-1&size=7&q=%00&status=x&kind=x&sort=full_name&order=x", UserQuery()),
        ("page=x&size=x&reserved=x&after=x&before=[1]", UserQuery()),
        ("after=[1,%22jdoe%22]", UserQuery()),  # of another order
        ("sort=status&after=[%22a%22,%22jdoe%22]", UserQuery(sort="status")),
        ("after=[%22\\ud800%22,%22\\ud800%22]", UserQuery()),
        ("after=" + "[" * 5000, UserQuery()),
    ],
)
def test_any_query_string_has_an_answer(query: str, expected: UserQuery) -> None:
    assert UserListForm(QueryDict(query)).query() == expected
    assert UserListForm(QueryDict(query_string(expected))).query() == users.without_position(replace(expected, size=20))


@pytest.mark.parametrize("days", ["0", "-1", "x", "1.5", "36501", "9" * 5000, "1e3", "%00"])
def test_number_of_days_is_not_ignored(days: str) -> None:
    """Otherwise, a bulk change would be of all users."""
    with pytest.raises(InvalidFilter, match="Enter a whole number of days from 1 to 36,500"):
        UserListForm(QueryDict(f"password_days={days}")).query()


def test_description_of_a_number_of_days() -> None:
    assert describe_users(UserQuery(password_days=1)) == "with a last recorded password change more than 1 day ago"
    assert describe_users(UserQuery(password_days=1000)).endswith("more than 1,000 days ago")
