"""Runs of the checks."""

from accounts.services import findings
from accounts.services.client import PersonClient
from accounts.services.documents import indices
from tests.support.nodes import TestNode


def run_through(node: TestNode, client: PersonClient) -> findings.Run:
    """A whole run, after all that happened before it."""
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all", ignore_unavailable=True)
    run = findings.start(client)
    while not run.finished:
        run = findings.advance(client, run.id)
    return run
