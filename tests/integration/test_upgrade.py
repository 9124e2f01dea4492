"""Upgrades: what released versions have stored survives `setup_cluster`, is shown, and is continued."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.services import audit, findings, jobs, reviews
from accounts.services.client import AdministratorClient, PersonClient
from accounts.services.cluster import setup as cluster_setup
from accounts.services.documents import indices
from accounts.services.findings.runs import Run
from accounts.services.jobs import Job
from tests.support.findings import run_through
from tests.support.nodes import TestNode
from tests.support.pages import text
from tests.support.recorded import Recorded, files
from tests.support.reviews import decide


@pytest.fixture(params=files(), ids=lambda file: file.stem)
def recorded(request: pytest.FixtureRequest, node: TestNode) -> Iterator[Recorded]:
    """A cluster as that version left it, in which this version was set up."""
    file: Path = request.param
    found = Recorded.of(file)
    node.delete_indices()
    for name in indices.TEMPLATES:
        node.elastic.indices.delete_index_template(name=name)
    for name, template in found.templates.items():
        node.elastic.indices.put_index_template(name=name, meta={"usermgmt": template}, **template)
    answer = node.elastic.bulk(operations=found.operations(), refresh=True)
    assert not answer["errors"]
    yield found
    node.delete_indices()
    list(cluster_setup.set_up(AdministratorClient("elastic", node.elastic_password)))


def set_up(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", node.elastic_password)
    out = io.StringIO()
    call_command("setup_cluster", stdout=out)
    return dict(line.rsplit(": ", 1) for line in out.getvalue().splitlines())


def test_nothing_is_lost(node: TestNode, recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = set_up(node, monkeypatch)
    assert {f"index template {name}" for name in indices.TEMPLATES} <= changes.keys(), "it says what it changed"
    for index, id, source in recorded.documents:
        assert node.elastic.get(index=index, id=id)["_source"] == source
    assert set(set_up(node, monkeypatch).values()) == {"unchanged"}


def test_everything_is_shown(
    node: TestNode, recorded: Recorded, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(node, monkeypatch)
    stored = [source for index, _, source in recorded.documents if index.startswith(indices.AUDIT)]
    otto = signed_in("otto")
    events = list(audit.search(audit.Query(size=1000)).events)
    assert len(events) >= len({source["trace"]["id"] for source in stored if "trace" in source})
    for event in {event.action: event for event in events}.values():
        assert event.id in text(otto, f"/audit/event/{event.id}")
    for review in reviews.all_reviews():
        page = "report" if review.sign_off else "view"
        assert review.title in text(otto, f"/reviews/{page}/{review.id}")
        if review.sign_off:
            assert "Verified: the decisions match the sign-off" in text(otto, f"/reviews/check/{review.id}")
    for finding in findings.CATALOGUE:
        assert finding.title in text(otto, f"/findings/view/{finding.slug}")
    for job in jobs.all_jobs():
        assert job.title in text(otto, f"/users/jobs/view/{job.id}")
    assert len(jobs.all_jobs()) == 2


def test_work_goes_on(
    node: TestNode, recorded: Recorded, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(node, monkeypatch)
    otto = person("otto")
    previous = findings.latest()
    assert previous
    assert run_through(node, otto).previous == previous.id
    review = next(review for review in reviews.all_reviews() if review.state == "open")
    pending = next(item for item in reviews.all_items(review.id) if item.decision is None)
    assert decide(otto, review, pending.number, "keep").decision


def test_checks_that_earlier_runs_do_not_have(
    node: TestNode,
    recorded: Recorded,
    signed_in: Callable[..., Client],
    person: Callable[[str], PersonClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They say so, instead of claiming that nothing was found, and the next run doesn't count what it finds as new."""
    set_up(node, monkeypatch)
    otto = signed_in("otto")
    added = [finding for finding in findings.CATALOGUE if finding.added_in]
    assert added

    def result(finding: findings.Finding) -> str:
        row = text(otto, "/findings/").partition(f'data-test-subj="finding-{finding.slug}"')[2].partition("</tr>")[0]
        return " ".join(re.sub("<[^>]*>", " ", row).split()).removeprefix(f"> {finding.title} ")

    for finding in added:
        assert result(finding).startswith("Not checked")
        assert "made by an earlier version" in text(otto, f"/findings/view/{finding.slug}")
    client = person("otto")
    run_through(node, client)
    for finding in added:
        assert result(finding).endswith("Not compared")
        assert "made by an earlier version" not in text(otto, f"/findings/view/{finding.slug}")
    run_through(node, client)
    for finding in added:
        assert result(finding).endswith("No change")


def test_bulk_changes_without_signatures(
    node: TestNode, recorded: Recorded, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of 0.1.0 can only be viewed and discarded: whoever has the API key of usermgmt could have made them."""
    set_up(node, monkeypatch)
    ada = signed_in("ada")
    for job in jobs.all_jobs():
        for command in ("start", "resume", "retry", "pause"):
            assert ada.post(f"/users/jobs/control/{job.id}", {"command": command}).status_code == 409
        assert ada.post(f"/users/jobs/advance/{job.id}").status_code == 409
        assert "created by a version before 0.2.0" in text(ada, f"/users/jobs/view/{job.id}")
        assert ada.post(f"/users/jobs/control/{job.id}", {"command": "discard"}).status_code == 302
    assert jobs.all_jobs() == []


def test_fields_of_a_later_version(node: TestNode, person: Callable[[str], PersonClient]) -> None:
    """A process of this version goes on beside it."""
    job = jobs.create(person("ada"), "deactivate", (), ["jdoe"], "jdoe")
    document = {"_id": job.id, "_source": {**job.document(), "later": 1}}
    assert Job.of(document).document() == job.document()
    run = findings.start(person("otto"))
    assert Run.of({"_id": run.id, "_source": {**run.body(), "later": 1}}) == run
