"""The query string of the list of API keys: any of it has an answer, and the order identifies each row."""

import json

import pytest
from django.http import QueryDict

from accounts.forms.api_keys import ApiKeyListForm
from accounts.services.api_keys import ApiKeyQuery, table
from accounts.services.api_keys.query import sort_clause


def query(text: str) -> ApiKeyQuery:
    return ApiKeyListForm(QueryDict(text)).query()


def test_query_string_and_back() -> None:
    text = "q=ci&state=active&expires=never&age=old&type=rest&realm=default_native&sort=-expires"
    asked = query(text)
    assert asked == ApiKeyQuery("ci", "active", "never", True, "rest", "default_native", "expires", descending=True)
    assert table.query_string(asked) == text
    assert table.describe(asked) == (
        "name or owner contains, or ID is \u201cci\u201d, active, without expiration, older than a year, REST API keys, "
        "realm default_native, sorted by expiration (descending)"
    )
    assert table.describe(ApiKeyQuery()) == "all API keys, sorted by creation (descending)"


@pytest.mark.parametrize(
    "text",
    [
        "state=x&expires=x&age=x&type=x&sort=x&size=11&page=0",
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
