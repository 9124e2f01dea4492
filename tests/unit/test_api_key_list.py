"""The query string of the list of API keys: any of it has an answer, and the order identifies each row."""

import json

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from accounts.forms.api_keys import ApiKeyListForm
from accounts.services.api_keys import ApiKeyQuery, table
from accounts.services.api_keys.query import order_key, sort_clause


def query(text: str) -> ApiKeyQuery:
    return ApiKeyListForm(QueryDict(text)).query()


def test_query_string_and_back() -> None:
    text = "q=ci&state=active&expires=never&age=old&type=rest&realm=default_native&administrator=yes&sort=-expires"
    asked = query(text)
    assert asked == ApiKeyQuery("ci", "active", "never", True, "rest", "default_native", "yes", "expires", descending=True)
    assert table.query_string(asked) == text
    assert table.describe(asked) == (
        "name or owner contains, or ID is \u201cci\u201d, active, without expiration, older than a year, REST API keys, "
        "realm default_native, can become an administrator, sorted by expiration (descending)"
    )
    assert table.describe(ApiKeyQuery()) == "all API keys, sorted by creation (descending)"


@pytest.mark.parametrize(
    "text",
    [
        "state=x&expires=x&age=x&administrator=x&type=x&sort=x&size=11&page=0",
        "page=x&page=-1",
        f"page={'9' * 30}",
        f"q={'x' * 201}",
        "after=x",
        "after=[]",
        "after=[1,2,3]",
        'after=["x","jdoe","name"]',
        "after=" + "[" * 5000,
        f"before=[{2**64},%22jdoe%22,%22name%22]",
    ],
)
def test_what_cannot_be_used_is_ignored(text: str) -> None:
    assert query(text) == ApiKeyQuery()


def test_position_fits_the_order() -> None:
    position = [1764288000000, "jdoe", "ci"]
    packed = json.dumps(position)
    assert query(f"after={packed}").after == position
    assert query(f"after={packed}&sort=name").after is None
    never = [2**63 - 1, "jdoe", 1764288000000, None]
    assert query(f"before={json.dumps(never)}&sort=expires&page=3").before == never


@pytest.mark.parametrize("descending", [False, True])
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab"), st.sampled_from([None, "", "x", "\uffff", "\U00010000"]))))
def test_order_is_that_of_elasticsearch(descending: bool, rows: list[tuple[int, str, str | None]]) -> None:
    """Which sorts texts by their bytes in UTF-8, and what is missing last."""

    def expected(row: tuple[int, str, str | None]) -> tuple[int, str, bool, bytes]:
        created, owner, name = row
        return -created if descending else created, owner, name is None, (name or "").encode()

    key = order_key(ApiKeyQuery(sort="created", descending=descending))
    assert sorted(rows, key=lambda row: key(list(row))) == sorted(rows, key=expected)


@pytest.mark.parametrize("sort", ["name", "owner", "created", "expires"])
@pytest.mark.parametrize("descending", [False, True])
def test_backwards_is_exactly_the_opposite(sort: str, descending: bool) -> None:
    asked = ApiKeyQuery(sort=sort, descending=descending)  # type: ignore[arg-type]
    forwards, backwards = sort_clause(asked), sort_clause(asked, backwards=True)
    assert [list(each) for each in forwards] == [list(each) for each in backwards]
    for one, other in zip(forwards, backwards, strict=True):
        [(field, order)], [(_, opposite)] = one.items(), other.items()
        assert {order["order"], opposite["order"]} == {"asc", "desc"}, field
    [first], [last] = forwards[0].values(), backwards[0].values()
    assert (first["missing"], last["missing"]) == ("_last", "_first"), "keys that never expire"
    assert {name for each in forwards for name in each} >= {"username", "creation", "name"}
