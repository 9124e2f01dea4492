"""An end date on real nodes: set in the form, seen everywhere, and deactivated by the page and by the command."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.services import exports, jobs
from accounts.services.client import PersonClient
from accounts.services.findings import rows
from accounts.services.users import UserQuery, end_dates
from tests.support.cast import PASSWORD
from tests.support.findings import run_through
from tests.support.forms import posted
from tests.support.nodes import TestNode
from tests.support.pages import text
from tests.support.traces import trail

TODAY = end_dates.today()
SLUGS = ("past-end-date", "ending", "unreadable-end-dates")


@pytest.fixture(autouse=True)
def without_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    """The day is the same for a test and for the product, also when another begins meanwhile."""
    monkeypatch.setattr(end_dates, "today", lambda: TODAY)


def day(days: int) -> str:
    return (TODAY + timedelta(days)).isoformat()


def put(node: TestNode, username: str, end: Any, **body: Any) -> None:
    node.put_user(username, metadata={"team": "x", "active_until": end}, **body)


def listed(client: Client, flag: str) -> set[str]:
    page = client.get("/users/", {"flag": flag}).content.decode()
    return {name for name in ("past", "soon", "later", "odd", "left", "jdoe") if f">{name}</a>" in page}


def found(node: TestNode, client: PersonClient) -> dict[str, set[str]]:
    run = run_through(node, client)
    return {slug: {row.username for row in rows.read(run.chunks.get(slug, []))} for slug in SLUGS}


def deactivate_expired(*args: str) -> str:
    output = io.StringIO()
    call_command("deactivate_expired", *args, stdout=output, stderr=output)
    return output.getvalue()


def test_from_the_form_to_the_deactivation(
    node: TestNode,
    signed_in: Callable[..., Client],
    person: Callable[[str], PersonClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for username, end in {"soon": day(14), "later": day(31), "odd": "next year", "jdoe": None}.items():
        put(node, username, end)
    put(node, "left", day(-9), enabled=False)
    ada, otto = signed_in("ada"), signed_in("otto")
    url = "/users/edit/jdoe"
    rejected = ada.post(url, posted(ada, url, active_until="31.12.2026"))
    assert rejected.status_code == 422
    assert "Enter a date such as 2026-12-31" in rejected.content.decode()
    assert ada.post(url, posted(ada, url, active_until=day(-1))).status_code == 302
    assert (node.user("jdoe") or {})["metadata"] == {"team": "x", "active_until": day(-1)}
    assert 'name="active_until" value="' + day(-1) in ada.get(url).content.decode()
    assert "but they are still active" in text(otto, url)

    assert listed(ada, "end-date") == {"soon", "later", "odd", "left", "jdoe"}
    assert listed(ada, "ends-soon") == {"soon"}
    assert listed(otto, "past-end-date") == {"jdoe"}
    page = text(otto, "/users/")
    for badge in (f"Ends {day(14)}", f"Active until {day(31)}", "End date unreadable", f"Ended {day(-1)}"):
        assert badge in page, badge
    assert day(-9) not in page
    assert "1 user has passed their end date and is still active" in text(ada, "/users/past-end-date")

    exported = [json.loads(line) for line in export(person("otto"), "end-date").splitlines()]
    assert {row["username"]: row["active_until"] for row in exported} == {
        **{"soon": day(14), "later": day(31), "left": day(-9), "jdoe": day(-1)},
        "odd": "no information",
    }
    assert found(node, person("otto")) == {"past-end-date": {"jdoe"}, "ending": {"soon"}, "unreadable-end-dates": {"odd"}}

    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "ada")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", PASSWORD)
    assert deactivate_expired("--dry-run") == "Would be deactivated: jdoe\n"
    assert (node.user("jdoe") or {})["enabled"]
    assert deactivate_expired() == "Deactivated: jdoe\n"
    assert not (node.user("jdoe") or {})["enabled"]
    assert (node.user("later") or {})["enabled"]
    event = next(event for event in trail(node, target="jdoe") if event.action == "user-disable")
    assert (event.outcome, event.actor.username) == ("success", "ada")
    assert deactivate_expired() == "No user to deactivate.\n"
    assert found(node, person("otto"))["past-end-date"] == set()

    assert ada.post(url, posted(ada, url, active_until="")).status_code == 302
    assert (node.user("jdoe") or {})["metadata"] == {"team": "x"}


def export(client: PersonClient, flag: Any) -> str:
    data = b"".join(chunk for _, _, chunk in exports.write(client, UserQuery(flags=(flag,)), exports.FORMATS["ndjson"]))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".ndjson"))).decode()


def test_the_button_and_the_guards(
    node: TestNode, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A user whose end date was moved after the preview stays active, and so does the own account."""
    ada = signed_in("ada")
    for username in ("past", "moved"):
        put(node, username, day(-1))
    ada.post("/users/jobs/create", {"users": "matching", "action": "deactivate", "filter": "flag=past-end-date"})
    job = jobs.all_jobs()[0]
    put(node, "moved", day(5))
    ada.post(f"/users/jobs/control/{job.id}", {"command": "start"})
    while (job := jobs.get(job.id)).state == "running":
        ada.post(f"/users/jobs/advance/{job.id}")
    jobs.refresh()
    assert {step.username: step.state for step in jobs.all_steps(job)} == {"moved": "skipped", "past": "success"}
    assert (node.user("moved") or {})["enabled"]

    put(node, "boss", day(-1), roles=["user_admin"])
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "boss")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", PASSWORD)
    with pytest.raises(CommandError, match="Not all users were deactivated"):
        deactivate_expired()
    own = "boss: You can't deactivate your own account. Ask another administrator.\n"
    assert deactivate_expired("--dry-run") == f"{own}No user to deactivate.\n"
    assert (node.user("boss") or {})["enabled"]

    file = tmp_path / "users.csv"
    file.write_text(f"username,active until\nmoved,(none)\nnew,{day(3)}\n")
    call_command("import_users", str(file), "--yes", stdout=io.StringIO())
    assert (node.user("moved") or {})["metadata"] == {"team": "x", "active_until": None}
    assert (node.user("new") or {})["metadata"] == {"active_until": day(3)}
