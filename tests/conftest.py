"""The cast: `ada` administers, `otto` audits, `norah` may do nothing here. They live on every node that a test asks for."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import hypothesis
import pytest
from django.test import Client
from pytest_django import Settings

from accounts.services import request_context
from accounts.services.client import CredentialsMixin, PersonClient, cache
from local_cluster import VERSIONS, available_versions
from local_cluster.build import build
from tests.support.cast import PASSWORD
from tests.support.nodes import Nodes, TestNode
from tests.support.sessions import OWN_PAGE
from usermgmt.logging import request_id

# No test measures time, and Hypothesis doesn't either: other load on the machine would fail it.
hypothesis.settings.register_profile("usermgmt", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("usermgmt")


@pytest.fixture(autouse=True)
def _outside_of_requests() -> Iterator[None]:
    """What a test leaves in the context of the current request doesn't reach the next test in this thread."""
    variables = [each for each in (*vars(request_context).values(), request_id) if isinstance(each, ContextVar)]
    tokens = [(each, each.set(each.get())) for each in variables]
    yield
    for each, token in tokens:
        each.reset(token)


@pytest.fixture(autouse=True)
def _without_cached_answers() -> Iterator[None]:
    """Some tests cache answers, which no change drops."""
    yield
    cache._service_reads.clear()


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path_factory)
    yield nodes
    nodes.stop()


@pytest.fixture(params=available_versions())
def node(request: pytest.FixtureRequest, nodes: Nodes, settings: Settings) -> TestNode:
    """A real node of each version, with the cast and nobody else."""
    return nodes.get(request.param, settings)


@pytest.fixture
def person(node: TestNode) -> Callable[[str], PersonClient]:
    """The connection of one of the cast."""
    return lambda username: PersonClient(username, PASSWORD)


@pytest.fixture
def signed_in(node: TestNode) -> Callable[..., Client]:
    """A browser in which somebody has signed in, without pages being drawn by a real one."""

    def sign_in(username: str, password: str = PASSWORD) -> Client:
        client = Client(headers=OWN_PAGE)
        response = client.post("/login", {"username": username, "password": password})
        assert response.status_code == 302, response.content.decode()
        return client

    return sign_in


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every call that leaves for Elasticsearch, as `METHOD /path`."""
    seen: list[str] = []
    perform = CredentialsMixin.perform_request

    def watched(caller: CredentialsMixin, method: str, path: str, **call: Any) -> Any:
        seen.append(f"{method} {path}")
        return perform(caller, method, path, **call)

    monkeypatch.setattr(CredentialsMixin, "perform_request", watched)
    return seen


def pytest_collection_finish(session: pytest.Session) -> None:
    """Assemble the nodes of the chosen tests, and no others; the downloads of the first time may take longer than a test."""
    if not session.config.option.collectonly:
        chosen = {item.callspec.params.get("node") for item in session.items if hasattr(item, "callspec")}
        for version in available_versions():
            if version in chosen:
                build(version)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many tests ran against what."""
    counts: Counter[str] = Counter()
    for report in [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]:
        counts[next((version for version in VERSIONS if version in report.nodeid), "")] += 1
    for version in VERSIONS:
        missing = "" if version in available_versions() else f" (no JDK for it on this machine; {version} was left out)"
        terminalreporter.write_line(f"{counts[version]} tests ran against Elasticsearch {version}{missing}")
    terminalreporter.write_line(f"{counts['']} tests ran without a node of a fixed version")
