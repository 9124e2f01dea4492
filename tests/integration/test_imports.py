"""Importing users on real nodes: a file with problems, the preview, what is created and changed, and the command."""

import csv
import html
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from accounts.services import audit, exports, imports, jobs
from accounts.services.client import PersonClient, service_client
from accounts.services.documents import indices
from accounts.services.imports import lines
from accounts.services.jobs import importing, plan, store
from accounts.services.passwords import policy
from accounts.services.users import UserQuery
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.traces import trail

HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2a$")
FILE = f"""\
username;full name;Email address;enabled;roles;metadata;password;password_hash
new-1;Jane Doe;jane@example.org;;viewer, gone;"{{""team"": ""x""}}";Vq7-another-one;
new-2;;;no;(none);;;{HASH}
new-3;;;;;;;
change;Another name;;;;"{{""b"": 2}}";;
empty;(none);(none);nein;;;Vq7-another-one;
same;;;yes;editor, viewer;;;
JANE-OLD;;;;;;;
elastic;Another name;;;superuser;;;
ada;;;no;;;;
ghost;;;;;;;
"""


def upload(client: Client, content: str, name: str = "users.csv") -> Any:
    return client.post("/users/import", {"file": SimpleUploadedFile(name, content.encode())})


def finish(client: Client) -> jobs.Job:
    job = jobs.all_jobs()[0]
    while (job := store.get(job.id)).state in ("planning", "running"):
        assert client.post(f"/users/jobs/advance/{job.id}").status_code == 302
    return job


def page(client: Client, url: str) -> str:
    return " ".join(html.unescape(client.get(url).content.decode()).split())


def make(node: TestNode, name: str, **body: Any) -> None:
    node.elastic.security.put_user(username=name, **{"password_hash": HASH, "roles": ["viewer"], **body})


def people(node: TestNode) -> None:
    make(node, "change", roles=["viewer"], full_name="Name", email="c@example.org", metadata={"a": 1}, enabled=False)
    make(node, "empty", full_name="Name", email="e@example.org")
    make(node, "same", roles=["viewer", "editor"])
    make(node, "jane-old")


def stored(job: jobs.Job) -> str:
    """All documents of the job, as they are in the index."""
    store.refresh()
    found = service_client().search(index=indices.JOBS, query={"term": {"job": job.id}}, size=100)
    return json.dumps(found["hits"]["hits"])


def test_ten_users(node: TestNode, signed_in: Callable[..., Client], person: Callable[[str], PersonClient]) -> None:
    people(node)
    ada = signed_in("ada")
    columns = page(ada, "/users/import").partition("Username is required.")[2].partition("are set if the file has them")[0]
    assert [name for name in lines.FIELDS if lines.LABELS[name] not in columns] == []
    refused = upload(ada, FILE.replace("nein", "nope") + "new-1;;;;;;x;\n")
    assert refused.status_code == 422
    problems = {(problem.line, problem.column) for problem in refused.context["problems"]}
    assert problems == {(6, "Enabled"), (12, "Username"), (12, "Password")}
    assert jobs.all_jobs() == [], "nothing is stored"

    assert upload(ada, FILE).status_code == 302
    job = jobs.all_jobs()[0]
    url = f"/users/jobs/view/{job.id}"
    preview = page(ada, url)
    assert "7 of 10 users will be created or changed" in preview
    assert "5 will be created" in preview
    assert "3 users have a warning" in preview
    assert "The role “gone” doesn't exist" in preview
    assert "Differs only in case from the existing user “jane-old”." in preview
    assert {step.username: step.reason for step in jobs.all_steps(job, "skipped")} == {
        "same": importing.SAME,
        "elastic": plan.BUILT_IN,
        "ada": "You can't deactivate your own account. Ask another administrator.",
    }
    assert not {"new-1", "new-2"} & node.usernames(), "a preview changes nothing"
    assert [secret for secret in (HASH, "Vq7-another-one") if secret in stored(job)] == []
    assert '"kind": "line"' not in stored(job)

    make(node, "ghost")  # who would be overwritten
    node.elastic.security.put_user(username="empty", roles=["viewer"], full_name="Changed", email="e@example.org")
    ada.post(f"/users/jobs/control/{job.id}", {"command": "start"})
    job = finish(ada)
    outcomes = {step.username: (step.state, step.reason) for step in jobs.all_steps(job)}
    assert outcomes["empty"] == ("failure", importing.CHANGED_SINCE)
    assert outcomes["ghost"] == ("skipped", importing.SAME)
    assert [name for name, (state, _) in outcomes.items() if state == "success"] == [
        "new-1",
        "new-2",
        "new-3",
        "change",
        "JANE-OLD",
    ]
    assert "Full name: Name → Another name." in ada.get(f"/users/jobs/export/{job.id}").getvalue().decode()
    ada.post(f"/users/jobs/control/{job.id}", {"command": "retry"})
    finish(ada)

    expected = {
        "new-1": ("Jane Doe", "jane@example.org", True, ["viewer", "gone"], {"team": "x"}),
        "new-2": (None, None, False, [], {}),
        "new-3": (None, None, True, [], {}),
        "change": ("Another name", "c@example.org", False, ["viewer"], {"a": 1, "b": 2}),
        "empty": (None, None, False, ["viewer"], {}),
    }
    found = {name: node.user(name) or {} for name in expected}
    fields = ("full_name", "email", "enabled", "roles", "metadata")
    assert {name: tuple(user[field] for field in fields) for name, user in found.items()} == expected
    node.elastic.security.enable_user(username="new-2")
    assert PersonClient("new-1", "Vq7-another-one").authenticate()["username"] == "new-1"
    assert PersonClient("new-2", PASSWORD).authenticate()["username"] == "new-2"
    created = {event.target: event.details.get("password", "") for event in trail(node, action="user-create")}
    assert created["new-1"] == ""
    assert created["new-2"] == policy.HASH_DETAIL
    assert created["new-3"] == importing.GENERATED_DETAIL
    assert [step.username for step in jobs.all_steps(job) if step.secret] == ["new-3", "JANE-OLD"]
    assert "Download passwords" in page(ada, f"/users/jobs/view/{job.id}")
    response = ada.post(f"/users/jobs/passwords/{job.id}", {"format": "csv"})
    _, *rows = csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig")))
    generated = {name: password for name, password, _ in rows}
    assert list(generated) == ["new-3", "JANE-OLD"]
    assert all(node.signs_in(name, password) for name, password in generated.items())
    assert [password for password in generated.values() if password in stored(job)] == []
    assert [step.username for step in jobs.all_steps(job) if step.secret] == []
    assert "Download passwords" not in page(ada, f"/users/jobs/view/{job.id}")


def test_killed_while_the_lines_are_stored(
    node: TestNode,
    signed_in: Callable[..., Client],
    person: Callable[[str], PersonClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody imports a part of a file, and nothing of it stays."""
    create_lines = store.create_lines

    def dies(job_id: str, lines: Sequence[Mapping[str, Any]]) -> None:
        create_lines(job_id, lines[:1])
        raise SystemExit

    monkeypatch.setattr(store, "create_lines", dies)
    contents = imports.read(io.BytesIO(b"username,password\nnew-1,Vq7-another-one\nnew-2,Vq7-another-one"))
    with pytest.raises(SystemExit):
        jobs.create_import(person("ada"), "users.csv", contents)
    ada = signed_in("ada")
    job = jobs.all_jobs()[0]
    advance = f"/users/jobs/advance/{job.id}"
    ada.post(advance)
    assert store.get(job.id).state == "planning", "the lines may still be on their way"
    store.write(replace(store.get(job.id), claimed_until=None))
    monkeypatch.setattr(plan, "BATCH_SIZE", 1)
    assert [ada.post(advance).status_code for _ in "12"] == [302, 404]
    assert (stored(job), jobs.all_jobs()) == ("[]", [])


def test_the_command(
    node: TestNode, person: Callable[[str], PersonClient], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings
) -> None:
    """An export comes back after its users were deleted."""
    people(node)
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "ada")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", PASSWORD)
    names = ("change", "empty", "same", "jane-old")
    before = {name: node.user(name) for name in names}
    file = tmp_path / "users.zip"
    file.write_bytes(b"".join(chunk.data for chunk in exports.write(person("ada"), UserQuery(), exports.FORMATS["ndjson"])))

    def run(*arguments: str) -> str:
        out = io.StringIO()
        call_command("import_users", str(file), *arguments, stdout=out, stderr=out)
        return out.getvalue()

    assert "To create: 0. To change: 0." in run("--dry-run")
    for name in names:
        node.elastic.security.delete_user(username=name)
    assert "To create: 4. To change: 0." in run("--dry-run", "--format", "ndjson")
    assert "change" not in node.usernames()
    assert "Imported: 4. Failed: 0." in run("--yes")
    assert {name: node.user(name) for name in names} == before
    assert {event.actor.command for event in trail(node, action="user-create")} == {"import_users"}
    with pytest.raises(CommandError) as refusal:
        run("--yes", "--format", "csv")
    assert refusal.value.returncode == 65
    assert audit.search(audit.Query(action="job-start", size=1)).events

    make(node, "absent")
    make(node, "boss", roles=["user_admin"])
    for options, deactivated, said in (
        (["--dry-run"], set(), "To deactivate: 1. Skipped: 0.\n  absent\n"),
        (["--yes"], {"absent"}, "boss: isn't in the file, and stays active as an administrator"),
        (["--yes", "--deactivate-administrator", "boss"], {"absent", "boss"}, "Deactivated: 1. Failed: 0."),
    ):
        assert said in run("--as-listed", *options)
        assert {name for name in ("absent", "boss", *names) if not (node.user(name) or {})["enabled"]} == {"change", *deactivated}
    assert [job.state for job in jobs.all_jobs()] == ["finished"] * 3, "no preview is left"
    assert (node.user("usermgmt_service") or {})["enabled"]


def test_the_command_takes_the_end_of_the_input_for_no(node: TestNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def end(*arguments: object) -> str:
        raise EOFError

    people(node)
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "ada")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", end)
    monkeypatch.setattr("getpass.getpass", end)
    file = tmp_path / "users.csv"
    file.write_text("username,full name\nchange,New\n")
    with pytest.raises(CommandError, match=r"No password was entered\."):
        call_command("import_users", str(file))
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", PASSWORD)
    out = io.StringIO()
    call_command("import_users", str(file), stdout=out)
    assert out.getvalue().endswith("Nothing was changed.\n")


def test_the_command_names_who_is_skipped(node: TestNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only users who are as the file says count as imported."""
    people(node)
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "ada")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", PASSWORD)
    file = tmp_path / "users.csv"
    out = io.StringIO()

    def returncode(*arguments: str) -> int:
        try:
            call_command("import_users", str(file), *arguments, stdout=out, stderr=out)
        except CommandError as exc:
            return exc.returncode
        return 0

    own = "line 3: ada: You can't deactivate your own account. Ask another administrator.\n"
    file.write_text("username,enabled,full name\nsame,yes,\nada,no,\n")
    assert [returncode("--dry-run"), returncode("--yes")] == [0, 1]
    assert out.getvalue().count(own) == 2
    file.write_text("username,enabled,full name\nsame,yes,\nada,no,\nchange,,New\n")
    assert returncode("--yes") == 1
    assert out.getvalue().count(own) == 3
    assert "Imported: 1. Failed: 0. Unknown: 0. Skipped: 2.\n" in out.getvalue()
    file.write_text("username,enabled,full name\nsame,yes,\nchange,,Newer\n")
    assert returncode("--yes") == 0

    start = jobs.start

    def start_after_deletion(*arguments: Any) -> jobs.Job:
        node.elastic.security.delete_user(username="change")
        return start(*arguments)

    monkeypatch.setattr(jobs, "start", start_after_deletion)
    file.write_text("username,full name\nchange,Newest\nempty,New\n")
    assert returncode("--yes") == 1
    assert f"line 2: change: {plan.NO_USER}\nImported: 1. Failed: 0. Unknown: 0. Skipped: 1.\n" in out.getvalue()


@pytest.mark.parametrize("field", ["values", "secret", "username"])
@pytest.mark.parametrize("kind", ["line", "step"])
def test_forged_imports(
    node: TestNode, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, kind: str, field: str
) -> None:
    """Whoever has the API key of usermgmt can't import other users or passwords."""
    if kind == "line":
        monkeypatch.setattr(plan, "BATCH_SIZE", 1)
    ada = signed_in("ada")
    upload(ada, "username;roles;password\nnew-1;viewer;Vq7-another-one\nnew-2;viewer;Vq7-another-two\n")
    job = jobs.all_jobs()[0]
    store.refresh()
    kinds = {"bool": {"filter": [{"term": {"kind": kind}}, {"term": {"number": 2}}]}}
    (hit,) = service_client().search(index=indices.JOBS, query=kinds)["hits"]["hits"]
    forged = {"values": json.dumps({"roles": ["superuser"]}), "secret": "", "username": "new-3"}
    source = {**hit["_source"], field: forged[field]}
    service_client().index(index=indices.JOBS, id=hit["_id"], document=source, refresh=True)
    control = f"/users/jobs/control/{job.id}"
    if kind == "step":
        assert ada.post(control, {"command": "start"}).status_code == 302
    assert ada.post(f"/users/jobs/advance/{job.id}").status_code == 409
    assert ada.post(control, {"command": "start"}).status_code == 409
    assert "This bulk change can't be carried out" in page(ada, f"/users/jobs/view/{job.id}")
    assert not {"new-1", "new-2", "new-3"} & node.usernames()
    assert ada.post(control, {"command": "discard"}).status_code == 302
    assert jobs.all_jobs() == []
