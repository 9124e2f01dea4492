"""Who has a privilege, by their own roles and those of anonymous access."""

import pytest

from accounts.services.exports.rows import RowContext
from accounts.services.roles import AnonymousAccess, Role, escalation
from accounts.services.users import User
from accounts.services.users.administrators import Administration
from accounts.services.users.privilege_holders import OFF, grant_paths

CLUSTER = {"admin": "manage_security", "sees": "read_security", "watches": "monitor"}
ROLES = [Role(name, cluster=(privilege,)) for name, privilege in CLUSTER.items()]

ALL = "admin: Can manage users and roles (all)"
RESTORE = "single: Can restore snapshots (manage). Not known whether this works in this cluster"


def anonymous(*names: str) -> AnonymousAccess:
    return AnonymousAccess("_anonymous", names)


def test_anonymous_access_grants_a_part() -> None:
    """Only `monitor` and `read_security` together imply `read_ccr`."""
    paths = grant_paths(ROLES, "read_ccr", anonymous("watches"))
    assert not paths.is_open_to_all
    assert paths.granting_roles(User("jdoe", roles=("sees", "x"))) == ("sees", "watches")
    assert paths.granting_roles(User("jdoe", roles=("x",))) == ()
    assert (paths.grants(["sees"]), paths.grants(["watches"])) == (True, False)
    assert "sees" in str(paths.query())
    assert "watches" not in str(paths.query())
    assert not grant_paths(ROLES, "read_ccr").grants(["sees"])


def test_anonymous_access_grants_all_of_it() -> None:
    for access in (anonymous("watches", "sees"), anonymous("nope", "admin")):
        paths = grant_paths(ROLES, "read_ccr" if "sees" in access.roles else "manage_security", access)
        assert paths.is_open_to_all
        assert paths.grants([])
        assert paths.query() is None
        assert set(paths.granting_roles(User("jdoe", roles=("x",)))) <= set(access.roles)
        assert paths.granting_roles(User("jdoe"))


def test_a_privilege_that_no_role_grants() -> None:
    paths = grant_paths(ROLES, "manage_ml", anonymous("admin"))
    assert not paths
    assert (paths.is_open_to_all, paths.grants(["admin"]), paths.granting_roles(User("jdoe", roles=("admin",)))) == (
        False,
        False,
        (),
    )


@pytest.mark.parametrize(
    ("access", "role", "can_manage", "how"),
    [
        (OFF, "watches", False, ""),
        (OFF, "admin", True, ALL),
        (OFF, "single", None, RESTORE),
        (anonymous("admin"), "watches", True, ALL),
        (anonymous("watches"), "watches", False, ""),
        (anonymous("single"), "watches", None, RESTORE),
        (anonymous("single"), "admin", True, f"{ALL}; {RESTORE}"),
        (AnonymousAccess(is_known=False), "watches", None, None),
        (AnonymousAccess(is_known=False), "admin", True, ALL),
    ],
)
def test_can_manage_users(access: AnonymousAccess, role: str, can_manage: bool | None, how: str | None) -> None:
    """`single`: a role of which it isn't known."""
    escalations = {"admin": escalation.of({"cluster": ["all"]}), "single": escalation.of({"cluster": ["manage"]})}
    context = RowContext(frozenset({"admin", "watches", "single"}), Administration(escalations, access), None)
    row = context.row(User("jdoe", roles=(role,)))
    assert (row.can_manage_users, row.how) == (can_manage, how)


def test_many_ways_fit_in_a_cell() -> None:
    names = tuple(f"role-{number}" for number in range(300))
    context = RowContext(frozenset(names), Administration(dict.fromkeys(names, escalation.of({"cluster": ["all"]}))), None)
    how = context.row(User("jdoe", roles=names)).how or ""
    assert how.startswith("role-0: Can manage users and roles (all); role-1: ")
    assert how.endswith("; and 280 more")
