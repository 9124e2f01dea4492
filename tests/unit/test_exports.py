"""The cells of an export, and that they are read back as they were."""

import io
import re
import tempfile
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.services.compare.exports import open_export
from accounts.services.exports import FORMATS, CompletenessManifest, Row, Table, cells, dialect, workbook
from accounts.services.exports.completeness import TableManifest
from accounts.services.exports.reading import READERS, InvalidExport, verify
from accounts.services.exports.sheets import UserSheet

TEXT_FIELDS = ("generated_at", "cluster_name", "cluster_id", "generated_by", "realm", "filter", "query", "trail_start")
MANIFEST = {**dict.fromkeys((*TEXT_FIELDS, "data_file", "sha256"), "x"), "rows": "1", "users_before": 1, "users_after": 1}
# Few letters, so that what matters comes often.
TEXTS = st.one_of(st.text(alphabet="=+-@＝\t\r\n'\";|,ab_x0D \\&<>\x01\ufffe", max_size=12), st.text(max_size=12))
NAMES = st.lists(st.text(alphabet='ab, "\\=', max_size=8), max_size=3).map(tuple)
ROWS = st.builds(
    Row,
    username=st.text(alphabet="ab=+-@;,", min_size=1, max_size=8),
    full_name=TEXTS,
    email=TEXTS,
    enabled=st.booleans(),
    reserved=st.booleans(),
    deprecated=st.booleans(),
    roles=NAMES,
    unknown_roles=NAMES,
    can_manage_users=st.sampled_from([True, False, None]),
    how=st.one_of(st.none(), st.text(alphabet="=ab;: ,", max_size=8)),
    active_api_keys=st.sampled_from([None, 0, 3]),
    created=st.sampled_from([None, datetime(2026, 2, 28, 23, 59, 58, tzinfo=UTC)]),
    last_sign_in=st.none(),
    password_changed=st.none(),
    active_until=st.sampled_from([None, "", "2026-12-31"]),
    metadata=st.dictionaries(st.text(max_size=4), TEXTS, max_size=2),
)


@given(text=TEXTS)
def test_formula_escape_is_reversible(text: str) -> None:
    guarded = dialect.escape_formula(text)
    assert not re.search(r"(^|[;|\t\r\n\"])[=+\-@＝]", guarded)
    assert dialect.unescape_formula(guarded) == text


@pytest.mark.parametrize("name", FORMATS)
@given(rows=st.lists(ROWS, max_size=3))
def test_rows_come_back(name: str, rows: list[Row]) -> None:
    assert written_and_read(name, rows) == rows


def written_and_read(name: str, rows: list[Row]) -> list[Row]:
    format = FORMATS[name]
    sheet = UserSheet(trail_start=None)
    data = format.begin(sheet) + format.rows(sheet, rows) + format.end(sheet)
    return list(READERS[name](io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")))


class FirstSheet(UserSheet):
    """What 0.1.0 wrote."""

    columns = {name: label for name, label in UserSheet.columns.items() if name != "how"}

    def cells(self, row: Row) -> list[str]:
        cells = dict(zip(UserSheet.columns, super().cells(row), strict=True))
        return [cells[name] for name in self.columns]

    def document(self, row: Row) -> dict[str, Any]:
        return {name: value for name, value in super().document(row).items() if name in self.columns}


@pytest.mark.parametrize("name", FORMATS)
def test_rows_of_the_first_version_come_back(name: str) -> None:
    row = a_row(enabled=True, can_manage_users=True, how="boss: Can manage users and roles (all)", metadata={"a": 1})
    export = open_export(io.BytesIO(user_file(name, FirstSheet, row)))
    assert list(export.rows()) == [row._replace(how=None)]


HEADS = list(UserSheet.columns.values())


@pytest.mark.parametrize("heads", [[], ["Username"], [*HEADS, "Salary"], HEADS[::-1], HEADS[:-1]])
def test_other_columns(heads: list[str]) -> None:
    with pytest.raises(ValueError, match="the columns are missing"):
        cells.columns_of(heads)


def a_row(**fields: Any) -> Row:
    known = {"roles": (), "unknown_roles": (), "metadata": {}, "username": "jdoe", "full_name": "", "email": ""}
    return Row(**{**dict.fromkeys(Row._fields), **known, **fields})


@pytest.mark.parametrize("name", FORMATS)
def test_no_file_is_left(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server makes many exports before it is restarted."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert written_and_read(name, [a_row()])
    assert list(FORMATS[name].others(UserSheet(trail_start=None), CompletenessManifest.of(MANIFEST)))
    assert not list(tmp_path.iterdir())


def test_text_too_long_for_a_cell() -> None:
    assert "too long for a cell: 32,768 characters" in workbook.row(cells.to_cells(a_row(full_name="x" * 32_768), ""), ())
    assert "x" * 32_767 in workbook.row(cells.to_cells(a_row(full_name="x" * 32_767), ""), ())


def test_nothing_is_left_empty() -> None:
    assert all(cells.to_cells(a_row(), cells.unknown_moment(None)))


def test_manifest_without_anonymous_access() -> None:
    """Of an export that was made before the field existed."""
    assert CompletenessManifest.of(MANIFEST).anonymous_access == "no information"
    assert CompletenessManifest.of({**MANIFEST, "anonymous_access": "off"}).anonymous_access == "off"
    with pytest.raises(KeyError):
        CompletenessManifest.of({name: value for name, value in MANIFEST.items() if name != "sha256"})


TABLE_ROW = {
    "id": "=1+1",
    "owner": "",
    "active": False,
    "expires": None,
    "roles": ("a", "b, c"),
    "metadata": {"z": 1, "a": "ä"},
    "uses": 3,
}
TABLE = Table(
    name="keys",
    noun="API keys",
    columns={
        "id": "ID",
        "owner": "Owner",
        "active": "Active",
        "expires": "Expires",
        "roles": "Roles",
        "metadata": "Metadata",
        "uses": "Uses",
    },
    filter="all API keys",
    query="",
    count=lambda: 1,
    batches=lambda: iter([[TABLE_ROW]]),
    number_columns=("uses",),
)


def test_cells_of_a_table() -> None:
    assert TABLE.cells(TABLE_ROW) == ["=1+1", "(none)", "no", "no information", 'a, "b, c"', '{"a": "ä", "z": 1}', "3"]
    assert TABLE.document(TABLE_ROW) == TABLE_ROW | {"owner": None, "expires": "no information"}
    sheet = FORMATS["xlsx"].rows(TABLE, [TABLE_ROW]).decode()
    assert "<c><v>3</v></c>" in sheet
    assert sheet.count("<v>") == 1
    assert FORMATS["csv"].rows(TABLE, [TABLE_ROW]).decode().startswith("'=1+1,(none)")


def test_counted_rows() -> None:
    assert [TABLE.counted(number) for number in (0, 1, 1234)] == ["0 API keys", "1 API key", "1,234 API keys"]


@pytest.mark.parametrize(
    ("rows", "before", "after", "is_complete"), [(1, 1, 1, True), (1, 2, 1, False), (1, 1, 2, False), (2, 1, 1, False)]
)
def test_manifest_of_a_table(rows: int, before: int, after: int, is_complete: bool) -> None:
    texts = dict.fromkeys(
        ("generated_at", "cluster_name", "cluster_id", "generated_by", "realm", "filter", "query", "data_file", "sha256"), "x"
    )
    manifest = TableManifest(**texts, rows=rows, count_before=before, count_after=after, noun="API keys")
    assert manifest.result.startswith("Complete: all matching API keys" if is_complete else "API keys were added or removed")
    assert manifest.as_dict().keys() == texts.keys() | {"rows", "count_before", "count_after", "result"}


def table_file(format: str, rows: int = 1, said: Mapping[str, Any] = MappingProxyType({})) -> io.BytesIO:
    """An export of TABLE without a cluster; `said`: what its manifest says instead."""
    writer = FORMATS[format]
    data = writer.begin(TABLE) + writer.rows(TABLE, [TABLE_ROW] * rows) + writer.end(TABLE)
    part = writer.part(TABLE)
    facts = {"rows": rows, "count_before": rows, "count_after": rows, "data_file": part, "sha256": sha256(data).hexdigest()}
    texts = dict.fromkeys(("generated_at", "cluster_name", "cluster_id", "generated_by", "realm", "filter", "query"), "x")
    manifest = TableManifest(**{**texts, **facts, "noun": TABLE.noun, **said})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in [(part, data), *writer.others(TABLE, manifest)]:
            archive.writestr(name, content)
    return file


@pytest.mark.parametrize("format", FORMATS)
def test_table_is_verified(format: str) -> None:
    manifest = verify(table_file(format, rows=3))
    assert (int(manifest["rows"]), manifest["generated_by"]) == (3, "x")
    assert manifest["result"].startswith("Complete: all matching API keys")
    with pytest.raises(InvalidExport, match="were modified"):
        verify(table_file(format, said={"sha256": "abc"}))
    with pytest.raises(InvalidExport, match="The file has 3 rows, but the manifest says 2"):
        verify(table_file(format, rows=3, said={"rows": 2}))


@pytest.mark.parametrize("name", FORMATS)
def test_line_too_long(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No export has one, and it would fill the memory."""
    monkeypatch.setattr(dialect, "MAX_FIELD_LENGTH", 1000)
    with pytest.raises(ValueError, match="a line is too long"):
        list(READERS[name](io.StringIO("x" * 1000)))


def test_crafted_workbook_takes_one_pass() -> None:
    """With one for each `<t`, these would take hours."""
    assert workbook.texts_of("<t" * 500_000) == []


def user_file(
    format: str = "ndjson",
    sheet_type: type[UserSheet] = UserSheet,
    row: Row | None = None,
    generated_at: str = "2026-11-29T08:00:00+00:00",
    **fields: Any,
) -> bytes:
    """An export of one user without a cluster."""
    writer, sheet = FORMATS[format], sheet_type(trail_start=None)
    data = writer.begin(sheet) + writer.rows(sheet, [row or a_row(enabled=True, **fields)]) + writer.end(sheet)
    facts = {"generated_at": generated_at, "sha256": sha256(data).hexdigest()}
    manifest = CompletenessManifest.of({**MANIFEST, **facts})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [(writer.part(sheet), data), *writer.others(sheet, manifest)]:
            archive.writestr(name, content)
    return file.getvalue()


DAMAGED = user_file()
FLIPPED = bytes(byte ^ 0xFF if 60 <= place < 120 else byte for place, byte in enumerate(DAMAGED))  # of the compressed rows
FUTURE = DAMAGED.replace(b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\xff")  # the version of ZIP


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"PK" * 100, FLIPPED, FUTURE, user_file(generated_at="yesterday"), user_file(generated_at="2026-11-29T08:00:00")],
    ids=["nothing", "letters", "more letters", "damaged", "another version", "no time", "no time zone"],
)
def test_no_export(content: bytes) -> None:
    with pytest.raises(InvalidExport):
        open_export(io.BytesIO(content))


@pytest.mark.parametrize("content", [b"", b"PK", FLIPPED, FUTURE])
def test_no_table(content: bytes) -> None:
    with pytest.raises(InvalidExport):
        verify(io.BytesIO(content))


@pytest.mark.parametrize("format", FORMATS)
def test_export_of_one_user(format: str) -> None:
    file = io.BytesIO(user_file(format))
    assert open_export(file).manifest.rows == 1
    assert verify(file)["result"].startswith("Complete")


@pytest.mark.parametrize(
    "fields", [{"metadata": {"a": "x" * 33_000}}, {"roles": tuple(f"role-{number:05}" for number in range(3000))}]
)
def test_workbook_without_texts_that_are_too_long(fields: dict[str, Any]) -> None:
    """It is as it was exported, but can't be compared."""
    file = io.BytesIO(user_file("xlsx", **fields))
    assert verify(file)["result"].startswith("Complete")
    with pytest.raises(InvalidExport, match="too long for Excel"):
        open_export(file)
