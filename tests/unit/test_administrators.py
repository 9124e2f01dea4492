"""The filter and the badge of the user list, and what the guard of the last administrator allows, without a node."""

from typing import Any

import pytest

from accounts.services.roles import AnonymousAccess, Role, escalation
from accounts.services.roles.escalation import RUN_AS, Escalation
from accounts.services.users import User, UserQuery, matches
from accounts.services.users.administrators import Administration, of_roles
from accounts.services.users.query import filter_clause
from accounts.templatetags.user_table import status
from tests.support.operators import ADA

CREATE = "cluster:admin/xpack/security/user/put"
ROLES = {"boss": "all", "riser": CREATE, "maybe": "manage", "viewer": "monitor"}
ESCALATIONS = {name: found for name, privilege in ROLES.items() if (found := escalation.of({"cluster": [privilege]}))}
ANONYMOUS = [
    AnonymousAccess(),
    AnonymousAccess("_anonymous", ("riser",)),
    AnonymousAccess("_anonymous", ("maybe", "viewer")),
    AnonymousAccess(is_known=False),
]
FLAGS = {True: "administrator", None: "possible-administrator", False: "no-administrator"}


def is_matched(clause: dict[str, Any], roles: tuple[str, ...]) -> bool:
    """What Elasticsearch makes of a query on roles."""
    [(kind, body)] = clause.items()
    if kind == "bool":
        return all(is_matched(each, roles) for each in body.get("filter", [])) and not any(
            is_matched(each, roles) for each in body.get("must_not", [])
        )
    return kind == "match_all" or not set(body["roles"]).isdisjoint(roles)


@pytest.mark.parametrize("anonymous", ANONYMOUS)
@pytest.mark.parametrize("roles", [(), ("viewer",), ("riser",), ("maybe", "nope"), ("maybe", "boss")])
def test_filter_is_what_is_said_of_a_user(anonymous: AnonymousAccess, roles: tuple[str, ...]) -> None:
    administration = Administration(ESCALATIONS, anonymous)
    for answer, flag in FLAGS.items():
        query = UserQuery(flags=(flag,))  # type: ignore[arg-type]
        expected = administration.is_administrator(roles) is answer
        clause = filter_clause(query, None, frozenset(), None, administration)
        assert clause
        assert is_matched(clause, roles) is expected
        assert matches(User("jdoe", roles=roles), query, administration=administration) is expected


@pytest.mark.parametrize(
    ("roles", "badge", "title"),
    [
        (("viewer", "nope"), "", ""),
        (("viewer", "boss"), "Administrator", "Role boss: Can manage users and roles (all)"),
        (("maybe", "riser"), "Can become an administrator", f"Role riser: Can create and update users ({CREATE}); Role maybe: "),
        (("maybe",), "May become an administrator", "Not known whether this works in this cluster"),
    ],
)
def test_badge(roles: tuple[str, ...], badge: str, title: str) -> None:
    cell = status(User("a/b", roles=roles), Administration(ESCALATIONS).escalations_of(roles))
    assert (f">{badge}</a>" in cell) is bool(badge)
    assert ("userAdministrator" in cell) is bool(badge)
    assert title in cell
    assert not badge or 'href="access/a~2Fb#escalations-title"' in cell


def test_badge_is_escaped_and_short() -> None:
    ways = [("<b>", Escalation(RUN_AS, 'run_as "*"', is_certain=True))] * 5
    cell = status(User("jdoe"), ways)
    assert "Role &lt;b&gt;: Can act as an administrator (run_as &quot;*&quot;)" in cell
    assert cell.count("run_as") == 3
    assert "and 2 more" in cell


def test_badge_needs_no_call() -> None:
    """The client of these tests reaches no cluster."""
    known = [Role(name, escalations=ESCALATIONS.get(name, ())) for name in ROLES]
    administration = of_roles(ADA.client, [*known, Role("superuser", run_as=("*",), escalations=ESCALATIONS["boss"])])
    assert [administration.is_administrator([name]) for name in ROLES] == [True, True, None, False]
