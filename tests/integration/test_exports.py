"""Exports on a real node: the rows, and the manifest that shows whether they are complete."""

import io
import os
import secrets
import signal
import stat
import subprocess
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from accounts.management.commands import export_users
from accounts.services import audit, errors, exports, users
from accounts.services.client import PersonClient
from accounts.services.documents import indices
from accounts.services.exports import dialect
from accounts.services.exports.sheets import UserSheet
from accounts.services.users import User, UserQuery
from benchmarks import loading
from tests.support.cast import CAST, PASSWORD
from tests.support.libreoffice import SOFFICE, needs_libreoffice
from tests.support.nodes import TestNode, one_version


@pytest.fixture
def otto(person: Callable[[str], PersonClient]) -> PersonClient:
    return person("otto")


def named(client: PersonClient, *usernames: str, query: UserQuery = UserQuery()) -> list[exports.Row]:  # noqa: B008
    found = {row.username: row for row in exports.rows(client, query)}
    return [found[username] for username in usernames]


def test_a_row_says_what_is_known_of_a_user(node: TestNode, otto: PersonClient, person: Callable[[str], PersonClient]) -> None:
    node.elastic.security.put_role(name="single", cluster=["cluster:admin/xpack/security/role_mapping/put"])
    node.elastic.security.put_role(name="keys", cluster=["manage_own_api_key"])
    users.create(person("ada"), User("kim", "Kim", "kim@example.org", ("keys", "nope"), metadata={"team": "blue"}), PASSWORD)
    node.put_user("lee", roles=["user_admin"], enabled=False)
    node.put_user("max", roles=["single"])
    for name in ("one", "two"):
        node.elastic.options(basic_auth=("kim", PASSWORD)).security.create_api_key(name=name, expiration="1d", refresh="true")
    node.elastic.security.invalidate_api_key(name="two")
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")

    kim, lee, unjudged, elastic, kibana = named(otto, "kim", "lee", "max", "elastic", "kibana")

    assert kim[:8] == ("kim", "Kim", "kim@example.org", True, False, False, ("keys", "nope"), ("nope",))
    assert (kim.can_manage_users, kim.active_api_keys) == (None, 1)
    assert kim.how
    assert kim.how.startswith("nope: Elasticsearch doesn't list the role, which may be defined in a file (roles.yml). Not known")
    assert lee.how == "user_admin: Can manage users and roles (manage_security)"
    assert kim.metadata == {"team": "blue"}
    assert kim.created
    assert kim.created == kim.password_changed
    assert kim.last_sign_in is None
    assert (lee.enabled, lee.can_manage_users, lee.created, lee.active_api_keys) == (False, True, None, 0)
    assert unjudged.can_manage_users is None
    assert (elastic.reserved, elastic.can_manage_users, kibana.deprecated) == (True, True, True)
    node.elastic.security.delete_role(name="single")


def test_rows_are_those_of_the_list_in_its_order(node: TestNode, otto: PersonClient, signed_in: Callable[..., Client]) -> None:
    signed_in("otto")  # the trail begins
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    node.put_user("jdoe", roles=["viewer"])
    query = UserQuery(roles=("viewer", "superuser"), sort="username", descending=True, size=10, number=7, after=("b", "b"))
    listing = exports.Listing(otto, query)
    assert [row.username for row in listing] == ["norah", "jdoe", "elastic"]

    block = listing.completeness("abc")
    assert (block.rows, block.users_before, block.users_after) == (3, 3, 3)
    assert block.result.startswith("Complete:")
    assert (block.cluster_id, block.generated_by) == (node.elastic.cluster.state(metric="version")["cluster_uuid"], "otto")
    assert block.filter == "with the role viewer or superuser, sorted by username (descending)"
    assert block.query == "role=viewer&role=superuser&sort=username&order=desc"
    assert exports.CompletenessManifest.of(block.as_dict()) == block
    assert audit.trail_start()


def test_a_list_that_changed_while_it_was_read_says_so(node: TestNode, otto: PersonClient) -> None:
    listing = exports.Listing(otto, UserQuery(kind="native"))
    assert listing.total == len(CAST) + 1
    list(listing)
    node.put_user("late")
    block = listing.completeness("")
    assert f"counted {len(CAST) + 1} before and {len(CAST) + 2} after, and the export has {len(CAST) + 1}." in block.result


FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", "＝1+1", "x;=1+1", '";""=1+1', "'=1+1", "a\n=1+1", "_x003D_1+1")


def hostile(node: TestNode) -> list[str]:
    """Users whose every text is a formula; their names."""
    names = [f"{text}{number}" for number, text in enumerate(FORMULAS) if text.isascii() and text.isprintable()]
    for number, (name, text) in enumerate(zip(names * 2, FORMULAS, strict=False)):
        metadata = {"note": text, "list": [text, "&<>\x01"]}
        roles = [f"={number}+1", 'a, "b"']
        node.put_user(
            name, full_name=text, email=text, roles=roles, password_hash="$2a$04$" + "x" * 53, password=None, metadata=metadata
        )
    return names


def exported(client: PersonClient, format: str, **query: Any) -> io.BytesIO:
    return io.BytesIO(b"".join(chunk.data for chunk in exports.write(client, UserQuery(**query), exports.FORMATS[format])))


@pytest.mark.parametrize("format", exports.FORMATS)
def test_what_is_read_from_a_file_is_what_was_written(node: TestNode, otto: PersonClient, format: str) -> None:
    hostile(node)
    node.put_user("lone", full_name="\ud83d\ude00 Ωmega", email="", metadata={"long": "x" * 20_000})
    expected = [to_the_second(row) for row in exports.rows(otto, UserQuery())]

    export = exports.read(exported(otto, format))

    assert list(export.rows()) == expected
    assert export.manifest.result.startswith("Complete:")
    assert export.manifest.rows == len(node.usernames()) + len(users.RESERVED_USERNAMES)


def to_the_second(row: exports.Row) -> exports.Row:
    created, seen, changed = [at and at.replace(microsecond=0) for at in (row.created, row.last_sign_in, row.password_changed)]
    return row._replace(created=created, last_sign_in=seen, password_changed=changed)


@pytest.mark.parametrize("format", exports.FORMATS)
def test_truncated_or_modified_file_is_rejected(node: TestNode, otto: PersonClient, format: str) -> None:
    for number in range(5):
        node.put_user(f"user{number}", metadata={"noise": secrets.token_hex(500)})
    whole = exported(otto, format).getvalue()
    exports.read(io.BytesIO(whole))
    for length in (0, 10, len(whole) // 2, len(whole) - 1, len(whole) - 30):
        with pytest.raises(exports.InvalidExport):
            exports.read(io.BytesIO(whole[:length]))
    for forged in (b"user5", b""):
        with pytest.raises(exports.InvalidExport, match="SHA-256"):
            exports.read(rewritten(whole, exports.FORMATS[format].part(UserSheet(None)), b"user3", forged))


def rewritten(whole: bytes, part: str, old: bytes, new: bytes) -> io.BytesIO:
    """The same archive with other rows."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive, zipfile.ZipFile(changed, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            copy.writestr(name, content.replace(old, new) if name == part else content)
    return changed


def test_every_export_is_recorded_with_its_outcome(node: TestNode, otto: PersonClient) -> None:
    block = exports.read(exported(otto, "csv", q="ada")).manifest
    begun = exports.write(otto, UserQuery(q="broken"), exports.FORMATS["xlsx"])
    next(begun)
    begun.close()
    exports.printed(otto, UserQuery(q="printed"))

    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    printed, broken, whole = audit.search(audit.Query(action="export", actor="otto", size=3)).events
    assert (whole.outcome, whole.details["rows"], whole.details["sha256"]) == ("success", "1", block.sha256)
    assert (whole.details["format"], whole.details["query"]) == ("csv", "q=ada&sort=username&order=asc")
    assert (broken.outcome, broken.reason, "rows" in broken.details) == ("failure", "client_disconnected", False)
    assert (printed.outcome, printed.details["format"]) == ("success", "print")


def test_nothing_is_exported_that_cannot_be_recorded(node: TestNode, otto: PersonClient, settings: Settings) -> None:
    settings.ELASTICSEARCH_API_KEY = "bm90OmFrZXk="
    with pytest.raises(errors.AuditUnavailable):
        next(exports.write(otto, UserQuery(), exports.FORMATS["csv"]))


@pytest.fixture
def crowd(node: TestNode) -> Iterator[int]:
    """Some thousand users, who go as quickly as they came; how many."""
    size, elastic = 3200, node.elastic.options(request_timeout=60)
    loading.load_users(elastic, range(size))
    yield size
    loading.remove_users(elastic, range(size))


@one_version
def test_large_export_is_complete_with_flat_memory(
    node: TestNode, otto: PersonClient, crowd: int, signed_in: Callable[..., Client]
) -> None:
    everybody = set(node.elastic.security.get_user().body)
    for format in exports.FORMATS.values():
        list(exports.write(otto, UserQuery(q="nobody-has-this"), format))  # what is made once
        tracemalloc.start()
        sizes, seen = [], 0
        for chunk in exports.write(otto, UserQuery(), format):
            seen = chunk.rows
            sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert seen == len(everybody)
        assert max(sizes[2:]) - sizes[2] < 1_000_000, "from the second thousand on nothing more is kept"
    assert sorted(row.username for row in exports.rows(otto, UserQuery(sort="status"))) == sorted(everybody)

    page = signed_in("otto").get("/users/print?kind=native").content.decode()
    assert f"Showing the first 2,000 of {crowd + len(CAST) + 1:,} users." in page
    assert page.count("<tr><th scope=row>") == exports.MAX_PRINTED


def test_a_page_to_print_that_has_all_says_so(node: TestNode, signed_in: Callable[..., Client]) -> None:
    page = signed_in("otto").get("/users/print?q=norah").content.decode()
    assert "Showing the first" not in page
    assert "1. Elasticsearch counted 1 before and 1 after. Complete: all matching users are included" in page


class TestPages:
    """The form, the file, and who may have them."""

    def test_the_form_sends_what_the_list_shows(self, node: TestNode, signed_in: Callable[..., Client]) -> None:
        node.put_user("jdoe", roles=["viewer"])
        otto = signed_in("otto")
        assert (
            "<strong>2 users</strong>: with the role viewer, sorted by username (ascending)."
            in otto.get("/users/export?role=viewer&page=3&size=10").content.decode()
        )
        response = otto.post("/users/export?role=viewer&page=3&size=10", {"format": "ndjson"})
        assert response["Content-Disposition"].endswith('.ndjson.zip"')
        export = exports.read(io.BytesIO(response.getvalue()))
        assert [row.username for row in export.rows()] == ["jdoe", "norah"]
        assert "Choose a format." in otto.post("/users/export", {"format": "pdf"}).content.decode()

    def test_export_event_has_source_and_request(self, node: TestNode, signed_in: Callable[..., Client]) -> None:
        response = signed_in("otto").post("/users/export?q=where", {"format": "csv"})
        response.getvalue()
        node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
        event = audit.search(audit.Query(action="export", size=1)).events[0]
        assert (event.source, event.request, event.outcome) == ("127.0.0.1", response["X-Request-ID"], "success")

    def test_exports_require_read_access(self, node: TestNode, signed_in: Callable[..., Client]) -> None:
        norah = signed_in("norah")
        for response in (norah.get("/users/export"), norah.post("/users/export", {"format": "csv"}), norah.get("/users/print")):
            assert response.status_code == 403


class TestCommands:
    """`export_users` and `check_export`."""

    @pytest.fixture(autouse=True)
    def as_otto(self, node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ELASTICSEARCH_USERNAME", "otto")
        monkeypatch.setenv("ELASTICSEARCH_PASSWORD", PASSWORD)

    def run(self, *arguments: str) -> str:
        out = io.StringIO()
        call_command(*arguments, stdout=out, stderr=io.StringIO())
        return out.getvalue()

    def test_it_writes_a_file_that_is_found_whole(self, node: TestNode, tmp_path: Path) -> None:
        file = tmp_path / "users.zip"
        file.write_text("an older one")
        assert self.run("export_users", "--output", str(file), "--filter", "q=norah&role=viewer") == f"{file}: 1 user\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [path.name for path in tmp_path.iterdir()] == ["users.zip"]
        checked = self.run("check_export", str(file))
        assert "Rows: 1" in checked
        assert "is complete and unmodified" in checked
        node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
        assert audit.search(audit.Query(action="export", size=1)).events[0].actor.command == "export_users"

        file.write_bytes(file.read_bytes()[:-1])
        with pytest.raises(CommandError, match="is not valid"):
            self.run("check_export", str(file))

    def test_what_fails_leaves_the_older_file(self, node: TestNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "users.zip"
        file.write_text("an older one")
        for username, words in (("norah", "isn't allowed to view users"), ("nobody", "Incorrect username or password")):
            monkeypatch.setenv("ELASTICSEARCH_USERNAME", username)
            with pytest.raises(CommandError, match=words):
                self.run("export_users", "--output", str(file))
        assert file.read_text() == "an older one"
        assert [path.name for path in tmp_path.iterdir()] == ["users.zip"]

    def test_a_stopped_export_leaves_no_file_and_is_recorded(
        self, node: TestNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(command: object, chunks: Iterator[exports.Chunk], file: object) -> int:
            next(chunks)
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("the command went on")

        monkeypatch.setattr(export_users.Command, "_write", stop)
        before = signal.signal(signal.SIGTERM, lambda *_: None)  # else a command without a handler ends all tests
        try:
            with pytest.raises(SystemExit) as stopped:
                self.run("export_users", "--output", str(tmp_path / "users.zip"))
        finally:
            signal.signal(signal.SIGTERM, before)
        assert stopped.value.code == 128 + signal.SIGTERM
        assert list(tmp_path.iterdir()) == []
        node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
        assert audit.search(audit.Query(action="export", size=1)).events[0].outcome == "failure"


@one_version
@needs_libreoffice
def test_a_spreadsheet_runs_no_formula(node: TestNode, otto: PersonClient, tmp_path: Path) -> None:
    """Each file is opened by LibreOffice and saved in its own format, in which a formula is an attribute of its cell."""
    names = hostile(node)
    (tmp_path / "sheet.xlsx").write_bytes(exported(otto, "xlsx").getvalue())
    for format in dialect.SEPARATORS:
        with zipfile.ZipFile(exported(otto, format)) as archive:
            for opened_with in "comma", "semicolon":
                (tmp_path / f"{format}-{opened_with}.csv").write_bytes(archive.read("users.csv"))
    (tmp_path / "unsafe.csv").write_text('"=1+1"\r\n')

    csv_files = {
        opened_with: [f"{format}-{opened_with}.csv" for format in dialect.SEPARATORS] for opened_with in ("comma", "semicolon")
    }
    for delimiter, files in ((44, [*csv_files["comma"], "unsafe.csv"]), (59, csv_files["semicolon"]), (0, ["sheet.xlsx"])):
        convert(tmp_path, files, f"--infilter=CSV:{delimiter},34,76" if delimiter else "")

    assert "table:formula" in (tmp_path / "unsafe.fods").read_text(), "this test would see a formula"
    for file in [*csv_files["comma"], *csv_files["semicolon"], "sheet.xlsx"]:
        cells = (tmp_path / file).with_suffix(".fods").read_text()
        assert "table:formula" not in cells
        assert cells.count("<table:table-row") > len(names)
    texts = unescape((tmp_path / "sheet.fods").read_text())
    assert [name for name in names if name not in texts] == []


def convert(folder: Path, files: list[str], filter: str) -> None:
    profile = f"-env:UserInstallation=file://{folder}/profile"
    options = [profile, "--headless", "--convert-to", "fods", "--outdir", str(folder), *([filter] if filter else [])]
    subprocess.run([SOFFICE, *options, *(str(folder / name) for name in files)], check=True, capture_output=True, timeout=200)
