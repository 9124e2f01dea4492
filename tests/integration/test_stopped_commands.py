"""Commands that are stopped by SIGTERM in the middle of a change: it is made and recorded to its end, and nothing else is left."""

import io
import os
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.management.commands.import_users import RESUME
from accounts.management.signals import ENDING
from accounts.services import audit, jobs, passwords
from accounts.services.cluster import setup as cluster_setup
from accounts.services.documents import indices
from accounts.services.jobs import batch, plan, run
from accounts.services.users import end_dates
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode, one_version
from tests.support.traces import trail
from usermgmt import env_file

pytestmark = one_version


class KilledError(BaseException):
    """What SIGTERM does to a process without a handler."""


@pytest.fixture(autouse=True)
def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def kill(*arguments: object) -> None:
        raise KilledError

    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "ada")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", PASSWORD)
    monkeypatch.setattr(batch, "SECONDS_PER_BATCH", 0)  # each batch changes one user
    before = signal.signal(signal.SIGTERM, kill)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def stop_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[object, str], None]:
    """Send SIGTERM when this function begins."""

    def stop(module: object, name: str) -> None:
        function = getattr(module, name)

        def stopped(*arguments: Any, **options: Any) -> Any:
            os.kill(os.getpid(), signal.SIGTERM)
            return function(*arguments, **options)

        monkeypatch.setattr(module, name, stopped)

    return stop


def stopped(*arguments: str) -> str:
    out = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command(*arguments, stdout=out, stderr=out)
    assert end.value.code == 128 + signal.SIGTERM
    return out.getvalue()


def only_job(node: TestNode) -> tuple[str, jobs.Counts]:
    node.elastic.indices.refresh(index=indices.JOBS, expand_wildcards="all")
    (job,) = jobs.all_jobs()
    return job.state, jobs.counts(job)


@pytest.fixture
def users_file(tmp_path: Path) -> str:
    file = tmp_path / "users.csv"
    file.write_text("username\nnew-1\nnew-2\nnew-3\n")
    return str(file)


def test_an_import(node: TestNode, users_file: str, stop_in: Callable[[object, str], None]) -> None:
    stop_in(run, "_change")
    assert RESUME in stopped("import_users", users_file, "--yes")
    state, counts = only_job(node)
    assert (state, counts.success, counts.pending, counts.unknown) == ("running", 1, 2, 0)
    assert [event.outcome for event in trail(node, action="user-create")] == ["success"]


def test_an_import_during_its_last_batch(
    node: TestNode,
    users_file: str,
    stop_in: Callable[[object, str], None],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(batch, "SECONDS_PER_BATCH", 600)
    stop_in(batch.Batch, "run")
    out = stopped("import_users", users_file, "--yes")
    assert ENDING in capfd.readouterr().err
    assert "interrupted after the last change" in out
    assert RESUME not in out
    assert only_job(node)[0] == "finished"


def test_the_preview_of_an_import(node: TestNode, users_file: str, stop_in: Callable[[object, str], None]) -> None:
    stop_in(plan, "plan_batch")
    stopped("import_users", users_file, "--yes")
    assert jobs.all_jobs() == []


@pytest.fixture
def expired(node: TestNode) -> None:
    day = (end_dates.today() - timedelta(3)).isoformat()
    for name in ("past-1", "past-2"):
        node.put_user(name, metadata={"active_until": day})


@pytest.mark.usefixtures("expired")
def test_deactivating_expired_users(node: TestNode, stop_in: Callable[[object, str], None]) -> None:
    stop_in(run, "_change")
    stopped("deactivate_expired")
    state, counts = only_job(node)
    assert (state, counts.success, counts.pending, counts.unknown) == ("running", 1, 1, 0)
    assert [event.outcome for event in trail(node, action="user-disable")] == ["success"]


@pytest.mark.usefixtures("expired")
def test_the_plan_of_deactivating_expired_users(node: TestNode, stop_in: Callable[[object, str], None]) -> None:
    stop_in(plan, "plan_batch")
    stopped("deactivate_expired")
    assert jobs.all_jobs() == []


def test_deleting_old_records(
    node: TestNode, settings: Settings, monkeypatch: pytest.MonkeyPatch, stop_in: Callable[[object, str], None]
) -> None:
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "elastic")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", node.elastic_password)
    settings.AUDIT_RETENTION = timedelta(days=1)
    old = [indices.audit_index(timezone.now() - timedelta(days=days)) for days in (400, 300)]
    for name in old:
        node.elastic.indices.create(index=name)
    try:
        stop_in(audit, "recorded")
        assert stopped("delete_old_records") == f"Deleted: index {old[0]}, 0 documents\n"
        assert [(event.target, event.outcome) for event in trail(node, action="records-delete")] == [(old[0], "success")]
    finally:
        node.elastic.indices.delete(index=old, ignore_unavailable=True)


def test_setting_up(
    node: TestNode, monkeypatch: pytest.MonkeyPatch, stop_in: Callable[[object, str], None], tmp_path: Path
) -> None:
    """The new API key is written."""
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "elastic")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", node.elastic_password)
    stop_in(cluster_setup, "create_api_key")
    file = tmp_path / "env"
    stopped("setup_cluster", "--new-key", "--env-file", str(file))
    assert cluster_setup.is_api_key_valid(env_file.read(file)["ELASTICSEARCH_API_KEY"])


def test_resetting_a_password(node: TestNode, stop_in: Callable[[object, str], None]) -> None:
    """The new one is printed."""
    node.put_user("jdoe")
    stop_in(passwords, "change")
    assert node.signs_in("jdoe", stopped("reset_password", "-u", "jdoe", "-b", "-s").strip())


def test_resetting_many_passwords(node: TestNode, stop_in: Callable[[object, str], None], tmp_path: Path) -> None:
    for name in ("user-1", "user-2"):
        node.put_user(name)
    (tmp_path / "users.txt").write_text("user-1\nuser-2\n")
    stop_in(passwords, "change")
    stopped("reset_password", "--from", str(tmp_path / "users.txt"), "-b")
    (line,) = (tmp_path / "users.txt.passwords").read_text().splitlines()[1:]
    name, password, state = line.split("\t")
    assert (name, state) == ("user-1", "changed")
    assert node.signs_in(name, password)
