import pytest

from accounts import policy
from accounts.services.roles import Role
from accounts.services.users import User
from tests.support.operators import ADA, OTTO, operator

JDOE = User("jdoe")
RESERVED = User("kibana_system", metadata={"_reserved": True})


def test_an_administrator_may_do_all_to_a_native_user() -> None:
    assert policy.allowed(ADA, JDOE) == {
        "edit": True,
        "change_password": True,
        "activate": False,
        "deactivate": True,
        "delete": True,
    }


def test_an_auditor_may_do_nothing() -> None:
    assert not any(policy.allowed(OTTO, JDOE).values())


def test_a_reserved_user_keeps_profile_and_existence() -> None:
    assert policy.allowed(ADA, RESERVED) == {
        "edit": False,
        "change_password": True,
        "activate": False,
        "deactivate": True,
        "delete": False,
    }


def test_own_account_cant_be_deleted_or_deactivated() -> None:
    assert policy.denial_reason("delete", ADA, User("ada")) == "You can't delete your own account. Ask another administrator."
    assert policy.denial_reason("deactivate", ADA, User("ada"))


def test_same_username_in_another_realm() -> None:
    assert not policy.denial_reason("delete", operator("manage_security", realm_type="file"), User("ada"))


@pytest.mark.parametrize(("action", "enabled"), [("activate", True), ("deactivate", False)])
def test_what_is_so_already_cannot_be_done(action: policy.Action, enabled: bool) -> None:
    assert "already" in policy.denial_reason(action, ADA, User("jdoe", enabled=enabled))


@pytest.mark.parametrize(
    ("username", "roles", "loses"),
    [
        ("ada", [], True),
        ("ada", [Role("viewer")], True),
        ("ada", [Role("viewer"), Role("user_admin", grants_user_management=True)], False),
        ("jdoe", [], False),
    ],
)
def test_loss_of_own_management_privilege(username: str, roles: list[Role], loses: bool) -> None:
    assert policy.would_lose_management(ADA, User(username), roles) is loses
