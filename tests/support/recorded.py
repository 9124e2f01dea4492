"""The documents of a released version, as files: recorded by the demo's story, and put into a node.

`python -m tests.support.recorded 0.1.0` writes tests/documents/0.1.0.ndjson: index templates first, then documents. Sessions,
locks, and delays of sign-ins aren't recorded: they end by themselves.
"""

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import django
from django.conf import settings

FOLDER: Final = Path(__file__).resolve().parent.parent / "documents"


@dataclass(frozen=True)
class Recorded:
    """The index templates of a version by name, and its documents: index, ID, and source."""

    templates: dict[str, Any]
    documents: list[tuple[str, str, dict[str, Any]]]

    @classmethod
    def of(cls, file: Path) -> "Recorded":
        first, *others = map(json.loads, file.read_text().splitlines())
        return cls(first, [(index, id, source) for index, id, source in others])

    def operations(self) -> list[dict[str, Any]]:
        """For `_bulk`."""
        return [part for index, id, source in self.documents for part in ({"create": {"_index": index, "_id": id}}, source)]


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.ndjson"))


def main(version: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from accounts.services import jobs
    from accounts.services.client import PersonClient
    from accounts.services.cluster import own_templates
    from accounts.services.documents import indices
    from accounts.services.users import User
    from demo import story
    from local_cluster import VERSIONS, Cluster
    from tests.support.cast import PASSWORD
    from tests.support.nodes import SETTINGS, set_up

    def allows_all(action: jobs.Action, user: User, wanted: User | None) -> str:
        return ""

    def plan(client: PersonClient, action: jobs.Action, roles: tuple[str, ...], usernames: list[str]) -> jobs.Job:
        return jobs.advance(client, jobs.create(client, action, roles, usernames, f"{len(usernames)} selected").id, allows_all)

    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder), VERSIONS[0], settings=SETTINGS) as cluster:
        node = set_up(cluster, cast(Any, settings))
        story.tell({"elastic": cluster.password, "admin": PASSWORD, "auditor": PASSWORD, "people": PASSWORD})
        ada = PersonClient("ada", PASSWORD)
        job = jobs.start(ada, plan(ada, "deactivate", (), ["ci-bot", "nobody"]).id)
        while job.state == "running":
            job = jobs.advance(ada, job.id, allows_all)
        plan(ada, "add-roles", ("viewer",), ["clara.hoffmann", "dmitri.volkov"])
        node.elastic.indices.refresh(index="usermgmt-*", expand_wildcards="all")
        names = f"{indices.AUDIT_PATTERN},{indices.REVIEWS},{indices.FINDINGS},{indices.JOBS}"
        hits = node.elastic.search(index=names, size=10_000, expand_wildcards="all", sort=["_index", "_doc"])["hits"]["hits"]
        templates = {name: {**template, "priority": own_templates.PRIORITY} for name, template in indices.TEMPLATES.items()}
        lines = [templates, *((hit["_index"], hit["_id"], hit["_source"]) for hit in hits)]
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{version}.ndjson").write_text("".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines))


if __name__ == "__main__":
    main(sys.argv[1])
