"""Service accounts: what is said of them, which a list has, and in which order."""

from dataclasses import replace
from typing import Any

import pytest
from django.http import QueryDict

from accounts.forms.service_accounts import ServiceAccountForm
from accounts.services.findings import service_tokens
from accounts.services.service_accounts import ServiceAccount, ServiceAccountQuery, Token, escalations_of


def account(name: str, privileges: dict[str, Any], *tokens: Token, silent_nodes: int = 0) -> ServiceAccount:
    return ServiceAccount(name, privileges, escalations_of(privileges), tokens, silent_nodes)


FLEET = account("elastic/fleet-server", {"cluster": ["monitor"]}, Token("a"), Token("b", ("node-1", "node-2")))
KIBANA = account("elastic/kibana", {"cluster": ["delegate_pki"]}, silent_nodes=1)
SEARCH = account("elastic/enterprise-search-server", {"cluster": ["manage_security"]}, Token("Berlin"))
OPS = account("elastic/auto-ops", {})
ALL = [FLEET, KIBANA, SEARCH, OPS]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["auto-ops", "enterprise-search-server", "fleet-server", "kibana"]),
        ("order=desc", ["kibana", "fleet-server", "enterprise-search-server", "auto-ops"]),
        ("sort=tokens&order=desc", ["fleet-server", "enterprise-search-server", "kibana", "auto-ops"]),
        ("q=FLEET", ["fleet-server"]),
        ("q=berlin", ["enterprise-search-server"]),
        ("q=*", []),
        ("tokens=with", ["enterprise-search-server", "fleet-server"]),
        ("tokens=without", ["auto-ops"]),  # of Kibana's that isn't known
        ("administrator=yes", ["enterprise-search-server"]),
        ("administrator=unknown", ["kibana"]),
        ("administrator=no", ["auto-ops", "fleet-server"]),
        ("administrator=no&tokens=with", ["fleet-server"]),
        ("tokens=x&administrator=x&sort=x&order=x&page=x", ["auto-ops", "enterprise-search-server", "fleet-server", "kibana"]),
    ],
)
def test_list(query: str, names: list[str]) -> None:
    found = ServiceAccountForm(QueryDict(query)).query().apply(ALL)
    assert [each.name.removeprefix("elastic/") for each in found] == names


def test_lists_in_words() -> None:
    assert str(ServiceAccountQuery()) == "all service accounts, sorted by name (ascending)"
    query = ServiceAccountQuery("x", "with", "yes", "tokens", descending=True)
    assert str(query) == (
        "name or token contains “x”, with tokens, can become an administrator, sorted by number of tokens (descending)"
    )


def test_run_as_is_not_ruled_out() -> None:
    acting = account("elastic/next", {"run_as": ["*"]})
    assert acting.is_administrator is None
    assert "run_as *" in str(acting.escalations[0])
    assert account("elastic/next", {"run_as": []}).is_administrator is False


def test_finding() -> None:
    rows = {row.key: row for row in service_tokens.rows_of([*ALL, replace(OPS, silent_nodes=2)])}
    assert set(rows) == {
        "elastic/fleet-server/a/index",
        "elastic/fleet-server/b/file",
        "elastic/kibana//silent",
        "elastic/enterprise-search-server/Berlin/index",
        "elastic/auto-ops//silent",
    }
    assert rows["elastic/fleet-server/b/file"].details == (
        "Token “b”, in the file service_tokens of node-1, node-2. Opens no known way to become an administrator."
    )
    assert rows["elastic/enterprise-search-server/Berlin/index"].details == (
        "Token “Berlin”, in the index. Makes an administrator: Can manage users and roles (manage_security)."
    )
    assert rows["elastic/kibana//silent"].details == "File tokens of 1 node couldn't be read."
    assert rows["elastic/auto-ops//silent"].badges == ("No information",)
