"""What implies what, as the table says; that it is true is for `tests/integration/test_cluster_privileges.py`."""

import pytest

from accounts.services.roles import cluster_privileges
from accounts.services.roles.cluster_privileges import DESCRIPTIONS, NAMES, held, holds, implied, is_fully_evaluated, pairs


def test_what_is_implied_is_held() -> None:
    assert holds(["manage_security"], "read_security")
    assert not holds(["read_security"], "manage_security")
    assert holds(["monitor", "manage_security"], "manage_api_key")
    assert not holds([], "monitor")


@pytest.mark.parametrize("privilege", [*NAMES, "brand_new"])
def test_all_implies_everything(privilege: str) -> None:
    assert holds(["all"], privilege)
    assert holds(["ALL"], privilege)


def test_unknown_privilege_implies_itself() -> None:
    assert implied("brand_new") == {"brand_new"}
    assert holds(["brand_new"], "brand_new")
    assert not any(holds(["brand_new"], privilege) for privilege in NAMES)


def test_elasticsearch_does_not_look_at_the_case() -> None:
    assert holds(["Manage_Security"], "read_security")
    assert holds(["manage_security"], "READ_SECURITY")


def test_action_prefix_includes_its_actions() -> None:
    for pattern in ("cluster:*", "cluster:admin/xpack/sec", "cluster:admin/xpack/security/*"):
        assert holds([pattern], "manage_security")
        assert is_fully_evaluated(pattern)
    assert implied("cluster:admin/xpack/security/user/get") == {"cluster:admin/xpack/security/user/get"}
    assert not is_fully_evaluated("cluster:admin/xpack/security/user/get")
    assert is_fully_evaluated("monitor")


def test_two_together_may_imply_what_neither_does() -> None:
    assert not holds(["monitor"], "manage_saml")
    assert not holds(["manage_security"], "manage_saml")
    assert holds(["monitor", "manage_security"], "manage_saml")
    assert frozenset({"manage_security", "monitor"}) in pairs("manage_saml")
    assert pairs("monitor") == []
    # transport_client and read_security, each implied by another
    assert "read_ccr" in held(["cluster:monitor/", "manage_security"])


def test_each_privilege_has_a_description() -> None:
    assert set(NAMES) <= DESCRIPTIONS.keys()
    assert cluster_privileges.describe("MANAGE_security") == "Manage users, roles, and API keys"
    assert cluster_privileges.describe("brand_new") == ""
