"""What several tests of services need."""

from collections.abc import Iterator

import pytest

from accounts.services import sessions
from accounts.services.cluster import setup as cluster_setup
from accounts.services.sessions import SessionStore
from tests.support.cast import IDENTITY
from tests.support.nodes import TestNode

KEPT_ROLES = {"user_admin", cluster_setup.AUDITOR_ROLE, cluster_setup.SERVICE}


@pytest.fixture
def store(node: TestNode) -> SessionStore:
    session = SessionStore()
    session["credentials"] = ["jdoe", "canary-password"]
    session["identity"] = IDENTITY
    session["generation"] = sessions.generation("jdoe")
    session.save()
    return session


@pytest.fixture
def only_built_in_roles(node: TestNode) -> Iterator[None]:
    """Deletes the roles that a test creates."""
    yield
    for name, body in node.elastic.security.get_role().body.items():
        if not body["metadata"].get("_reserved") and name not in KEPT_ROLES:
            node.elastic.security.delete_role(name=name)
