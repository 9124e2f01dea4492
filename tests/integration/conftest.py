"""What several tests of services need."""

from collections.abc import Callable

import pytest

from accounts.services import sessions
from accounts.services.client import PersonClient
from accounts.services.request_context import Actor
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


@pytest.fixture
def otto(person: Callable[[str], PersonClient]) -> PersonClient:
    """The auditor, as the trail knows him."""
    client = person("otto")
    client.actor = Actor("otto", "default_native", "native")
    return client
