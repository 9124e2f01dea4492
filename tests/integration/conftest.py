"""What several tests of services need."""

import pytest

from accounts.services import sessions
from accounts.services.sessions import SessionStore
from tests.support.cast import IDENTITY
from tests.support.nodes import TestNode


@pytest.fixture
def store(node: TestNode) -> SessionStore:
    session = SessionStore()
    session["credentials"] = ["jdoe", "canary-password"]
    session["identity"] = IDENTITY
    session["generation"] = sessions.generation("jdoe")
    session.save()
    return session
