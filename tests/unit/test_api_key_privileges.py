"""What an API key opens: only what both its own privileges and those of its owner at its creation open."""

from typing import Any

import pytest

from accounts.services.api_keys.privileges import escalations_of

ALL = {"cluster": ["all"]}
CREATES_USERS = {"cluster": ["cluster:admin/xpack/security/user/put"]}
RESTORES = {"cluster": ["manage"]}
WRITES = {"indices": [{"names": ["*"], "privileges": ["all"], "allow_restricted_indices": True}]}
WATCHES = {"cluster": ["monitor"]}


@pytest.mark.parametrize(
    ("own", "owner", "slugs"),
    [
        ({}, ALL, ["manage-security"]),
        (CREATES_USERS, ALL, ["create-users"]),
        (ALL, CREATES_USERS, ["create-users"]),
        (ALL, ALL, ["manage-security"]),
        (WRITES, ALL, []),
        (ALL, WRITES, []),
        (WRITES, {**ALL, **WRITES}, ["write-security-index", "write-credentials"]),
        ({**ALL, **WRITES}, {**CREATES_USERS, **WRITES}, ["write-security-index", "write-credentials", "create-users"]),
        (WATCHES, ALL, []),
        (CREATES_USERS, WATCHES, []),
        ({}, WATCHES, []),
        (RESTORES, ALL, ["restore-security"]),
        (CREATES_USERS, RESTORES, []),
    ],
)
def test_key(own: dict[str, Any], owner: dict[str, Any], slugs: list[str]) -> None:
    key = {"role_descriptors": {"own": own} if own else {}, "limited_by": [{"owner": owner}]}
    assert [each.path.slug for each in escalations_of(key)] == slugs
