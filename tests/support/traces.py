"""What a test left on a node: events of the audit trail, and log files."""

from pathlib import Path
from typing import Any

from accounts.services import audit
from accounts.services.documents import indices
from tests.support.nodes import TestNode


def trail(node: TestNode, **fields: Any) -> list[audit.Event]:
    """The events of a target or an actor, oldest first."""
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    return list(reversed(audit.search(audit.Query(**fields)).events))


def logs(node: TestNode) -> list[Path]:
    homes = [each["settings"]["path"]["home"] for each in node.elastic.nodes.info(metric="settings")["nodes"].values()]
    return [path for home in homes for path in (Path(home) / "logs").iterdir()]
