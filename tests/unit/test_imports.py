"""Reading files with users: what exports, Excel, and LibreOffice write, what is wrong in which line, and limits."""

import io
import json
import subprocess
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.services import imports
from accounts.services.exports import FORMATS, Row, dialect
from accounts.services.exports.sheets import UserSheet
from accounts.services.imports import Line, Problem, UnreadableFile, files, lines
from accounts.services.jobs import importing
from accounts.services.jobs.records import Step
from accounts.services.jobs.sealing import seal, unseal
from accounts.services.users import User, end_dates
from tests.support.libreoffice import SOFFICE, needs_libreoffice
from tests.unit.test_exports import NAMES, TEXTS

SHEET = UserSheet(trail_start=None)
TEXT = TEXTS.filter(lambda text: not lines.NOT_TEXT.search(text))
USERS = st.builds(
    User,
    username=st.text(alphabet="ab=+-@;,'", min_size=1, max_size=8),
    full_name=TEXT,
    email=TEXT,
    roles=NAMES.map(lambda names: tuple(dict.fromkeys(filter(None, names)))),  # an empty name is a problem of its line
    enabled=st.booleans(),
    metadata=st.dictionaries(st.text(alphabet="ab.$ ü", max_size=4), TEXT, max_size=2),
)
NO_BOOLEAN, NO_TEXT = "This must be “yes” or “no”.", "This has characters that aren't text."
BAD_ROLES = "The list of roles can't be read. Separate names with commas, and quote a name that has one."
HASH = f"$2a$10${'a' * 53}"


def read(content: str | bytes, format: str = "") -> imports.Contents:
    return imports.read(io.BytesIO(content.encode() if isinstance(content, str) else content), format)


def exported(name: str, users: list[User]) -> bytes:
    """The file of an export: a ZIP file with the rows."""
    rows = [
        Row(
            user.username,
            user.full_name,
            user.email,
            user.enabled,
            False,
            False,
            user.roles,
            (),
            True,
            "boss: Can manage users and roles (all)",
            1,
            None,
            None,
            None,
            user.metadata.get(end_dates.KEY) or "",
            user.metadata,
        )
        for user in users
    ]
    format = FORMATS[name]
    data = format.begin(SHEET) + format.rows(SHEET, rows) + format.end(SHEET)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(format.part(SHEET), data)
        for part, content in other_parts() if name == "xlsx" else ():
            archive.writestr(part, content)
    return file.getvalue()


@cache
def other_parts() -> list[tuple[str, bytes]]:
    """Of a workbook, which takes long to make."""
    return list(FORMATS["xlsx"].others(SHEET, Manifest()))


class Manifest:
    rows, counts, sha256, result = 0, (0, 0), "", ""

    def as_dict(self) -> dict[str, Any]:
        return {}


def imported(contents: imports.Contents) -> list[User]:
    """The users, in a cluster that has none of them."""
    steps = [Step("job", "part", 1, line.username, values=json.dumps(line.fields)) for line in contents.lines]
    return [importing.wanted_user(step, None) for step in steps]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=30)
@given(users=st.lists(USERS, min_size=1, max_size=3, unique_by=lambda user: user.username))
def test_export_comes_back(name: str, users: list[User]) -> None:
    contents = read(exported(name, users))
    assert contents.errors == []
    assert imported(contents) == users


@pytest.mark.parametrize("name", ["csv", "csv-semicolon", "xlsx"])
@needs_libreoffice
def test_saved_by_libreoffice(tmp_path: Path, name: str) -> None:
    users = [
        User("=1+1", 'Ö "x"; y, z', "@x", ('a, "b"', "c"), enabled=False, metadata={"a": [1, "ü"]}),
        User("007", "two\nlines", "x@y", (), metadata={"b": None}),
    ]
    data = exported(name, users)
    if name != "xlsx":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            data = archive.read("users.csv")
    suffix = name[:4].rstrip("-")
    (tmp_path / f"users.{suffix}").write_bytes(data)
    # Separator, quote, UTF-8, first line, and columns as text, as a person chooses in the dialog.
    text = "/".join(f"{number}/2" for number in range(1, 16))
    separator = ord(dialect.SEPARATORS.get(name, ","))
    filters = [f"--infilter=CSV:{separator},34,76,1,{text}", f"--convert-to=csv:Text - txt - csv (StarCalc):{separator},34,76,1"]
    options = ["--convert-to", "xlsx:Calc MS Excel 2007 XML"] if name == "xlsx" else [filters[0], "--convert-to", filters[1][13:]]
    command = [
        SOFFICE,
        f"-env:UserInstallation=file://{tmp_path}/profile",
        "--headless",
        *options,
        "--outdir",
        str(tmp_path / "out"),
    ]
    subprocess.run([*command, str(tmp_path / f"users.{suffix}")], check=True, capture_output=True)
    assert imported(read((tmp_path / "out" / f"users.{suffix}").read_bytes())) == users


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_and_separators(encoding: str, separator: str) -> None:
    text = (
        "User,Full Name,x\r\njörg,Jörg Ä,\r\n,,\r\n".replace("User", "USERNAME").replace(",x", ",Enabled").replace(",", separator)
    )
    assert read(text.encode(encoding)).lines == [Line(2, "jörg", {"full_name": "Jörg Ä"})]


def test_what_spreadsheets_add() -> None:
    content = 'sep=;\r\nUsername;Full name;Enabled;;\r\njane;"two\r\nlines";WAHR;;\r\n;;;;\r\njohn;"";nein;;\r\n'
    assert read(content).lines == [
        Line(3, "jane", {"full_name": "two\r\nlines", "enabled": True}),
        Line(6, "john", {"enabled": False}),
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("jane,Vq7-another-one", Problem(1, "", "The first line must have the names of the columns, such as Username.")),
        ("username,nickname\na,b", Problem(1, "nickname", "This column isn't known.")),
        ("username,Username\na,b", Problem(1, "Username", "This column is there twice.")),
        ("email\na@b", Problem(1, "", "The column Username is missing.")),
        ("username\na\n\na", Problem(4, "Username", "This user is already in line 2.")),
        ("username\na\nA", Problem(3, "Username", "Differs only in case from “a” in line 2.", is_warning=True)),
        ("username,email\na,b", Problem(2, "Email address", "This doesn't look like an email address.", is_warning=True)),
        ("username,email\n,b@c", Problem(2, "Username", "The username is missing.")),
        ("username\nä", Problem(2, "Username", "Username must contain only letters, numbers, spaces, punctuation, and symbols.")),
        ("username\n_password", Problem(2, "Username", "This username is reserved by the Elasticsearch API.")),
        ("username,enabled\na,perhaps", Problem(2, "Enabled", NO_BOOLEAN)),
        ('username,roles\na,"""b"', Problem(2, "Roles", BAD_ROLES)),
        ("username,metadata\na,[]", Problem(2, "Metadata", "This must be a JSON object.")),
        ('username,metadata\na,"{""_x"": 1}"', Problem(2, "Metadata", "Only Elasticsearch can set keys that start with “_”.")),
        ('username,metadata\na,"{""x"": ""\\ud800""}"', Problem(2, "Metadata", NO_TEXT)),
        ("username,password\na,short", Problem(2, "Password", "Password must be at least 8 characters.")),
        (
            f"username,password,password_hash\na,Vq7-another-one,{HASH}",
            Problem(2, "Password", "This line has both a password and a password hash."),
        ),
        (
            "username,password_hash\na,abc",
            Problem(2, "Password hash", "This isn't a hash that Elasticsearch accepts: bcrypt ($2a$) or PBKDF2."),
        ),
        ("username\na,b", Problem(2, "", "This line has more than 1 cells.")),
        ('{"username": "a"}\n{"username": 1}', Problem(2, "Username", "This must be a text.")),
        ('{"username": "a", "enabled": "yes"}', Problem(1, "Enabled", "This must be true or false.")),
        ('{"username": "a", "roles": "b"}', Problem(1, "Roles", "This must be a list of role names.")),
        ('{"username": "a", "nickname": "b"}', Problem(1, "nickname", "This field isn't known.")),
        ('{"username": "a"}\n[]', Problem(2, "", "This isn't a JSON object.")),
        ('{"username": "a", "username": "b"}', Problem(1, "", "This isn't valid JSON: a key is there twice.")),
    ],
)
def test_problems(content: str, problem: Problem) -> None:
    found = read(content)
    assert problem in found.problems
    assert len(found.problems) == 1


def test_absent_is_untouched_and_none_is_emptied() -> None:
    was = User("a", "Name", "a@b", ("x", "y"), enabled=False, metadata={"k": {"a": 1}})
    for content, expected in (
        ("username\na", was),
        ("username,full_name,email,roles,enabled,metadata\na,,,,,", was),
        ("username,full_name,email,roles\na,(none),(none),(none)", replace(was, full_name="", email="", roles=())),
        ('{"username": "a", "full_name": null, "roles": []}', replace(was, full_name="", roles=())),
        (
            '{"username": "a", "roles": ["z", "y"], "metadata": {"k": {"b": 2}}}',
            replace(was, roles=("y", "z"), metadata={"k": {"a": 1, "b": 2}}),
        ),
    ):
        line = read(content).lines[0]
        step = Step("job", "part", 1, "a", values=json.dumps(line.fields))
        assert importing.wanted_user(step, was) == expected


def test_passwords_are_taken_as_they_are() -> None:
    """They aren't exported, so an apostrophe isn't one that an export has added."""
    line = read("username,full_name,password\n'+a,'+b,'+Vq7-another-one").lines[0]
    assert (line.username, line.fields["full_name"], line.password) == ("+a", "+b", "'+Vq7-another-one")


def archive_of(**parts: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml").replace("_csv", ".csv"), content)
    return file.getvalue()


BOOK = {
    "xl__workbook_xml": '<workbook xmlns:r="r"><sheets><sheet name="a" r:id="rId1"/></sheets></workbook>',
    "xl___rels__workbook_xml.rels": '<Relationships><Relationship Id="rId1" Target="worksheets/s.xml"/></Relationships>',
}


def workbook(rows: str, **parts: str) -> bytes:
    return archive_of(**BOOK, xl__worksheets__s_xml=f"<worksheet><sheetData>{rows}</sheetData></worksheet>", **parts)


def test_what_excel_writes() -> None:
    """Shared texts with runs, pronunciations and escapes, references with gaps, numbers, booleans, and formulas."""
    texts = (
        "<sst><si><t>Username</t></si><si><r><t>Enab</t></r><r><t>led</t></r><rPh><t>x</t></rPh></si>"
        "<si><t>a_x000A_b</t></si><si><t>Full name</t></si></sst>"
    )
    head = '<row r="2"><c r="A2" t="s"><v>0</v></c><c r="C2" t="s"><v>1</v></c><c r="D2" t="s"><v>3</v></c></row>'
    rows = '<row r="5"><c r="A5"><v>42</v></c><c r="C5" t="b"><v>0</v></c><c r="D5" t="s"><v>2</v></c></row>'
    error = '<row r="6"><c r="A6" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    with_gap = read(workbook(head + rows, xl__sharedStrings_xml=texts))
    assert with_gap.problems == [Problem(2, "", "This column has no name.")]
    without = head.replace("C2", "B2").replace("D2", "C2") + rows.replace("C5", "B5").replace("D5", "C5")
    found = read(workbook(without + error, xl__sharedStrings_xml=texts))
    assert found.lines == [Line(5, "42", {"enabled": False, "full_name": "a\nb"})]
    assert found.problems == [Problem(6, "", "A formula in this line has an error.")]


@pytest.mark.parametrize(
    ("cell", "book", "expected"),
    [
        ("46387", "", "2026-12-31"),
        ("46387.75", '<workbookPr date1904="false"/>', "2026-12-31"),
        ("44925", '<workbookPr date1904="1"/>', "2026-12-31"),
        ("2026", "", None),
        ("20261", "", None),
    ],
)
def test_date_cells(cell: str, book: str, expected: str | None) -> None:
    """A year, or another small number, isn't one."""
    rows = '<row><c t="str"><v>Username</v></c><c t="str"><v>Active until</v></c></row>'
    rows += f'<row><c t="str"><v>a</v></c><c t="n"><v>{cell}</v></c></row>'
    data = BOOK | {"xl__workbook_xml": BOOK["xl__workbook_xml"].replace("<sheets>", f"{book}<sheets>")}
    found = read(archive_of(**data, xl__worksheets__s_xml=f"<worksheet><sheetData>{rows}</sheetData></worksheet>"))
    assert found.lines == [Line(2, "a", {"active_until": expected} if expected else {})]
    assert [problem.text for problem in found.problems] == ([] if expected else ["This must be a date, such as 2026-12-31."])


@needs_libreoffice
def test_csv_that_libreoffice_saved_as_a_workbook(tmp_path: Path) -> None:
    """It makes dates and numbers of what looks like them."""
    (tmp_path / "users.csv").write_bytes(b"Username,Enabled,Active until\r\n12345,TRUE,2026-12-31\r\n")
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [SOFFICE, profile, "--headless", "--convert-to", "xlsx", "--outdir", str(tmp_path), str(tmp_path / "users.csv")]
    subprocess.run(command, check=True, capture_output=True)
    found = read((tmp_path / "users.xlsx").read_bytes())
    assert found == imports.Contents([Line(2, "12345", {"enabled": True, "active_until": "2026-12-31"})], [])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"username\n", "has no users"),
        ("username\nj\xf6rg\n".encode("latin-1"), r"isn't UTF-8 or UTF-16 text \(line 2\)"),
        (b"username\na\0b\n", "isn't UTF-8 or UTF-16"),
        (b'username\na\n"b\nc', "can't be read from line 3"),
        (b"PK\x03\x04", "truncated or damaged"),
        (exported("xlsx", [User("a")])[:-30], "truncated or damaged"),
        (archive_of(other_csv="username\na"), "isn't an export"),
        (archive_of(**BOOK), "truncated or damaged"),
        (workbook("<row>"), "damaged"),
        (workbook('<row><c t="s"><v>7</v></c></row>'), "damaged"),
        (workbook('<row><c r="ZZ1"><v>7</v></c></row>'), "more than 100 columns"),
        (workbook(f'<row a="{"a" * (3 << 20)}"/>'), "a tag is too long"),
        ("," * 100, "more than 100 columns"),
        (json.dumps({str(number): 1 for number in range(101)}), "more than 100 columns"),
        (archive_of(**{**BOOK, "xl__workbook_xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}), "declares entities"),
    ],
)
def test_unreadable_files(content: bytes | str, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read(content)


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_USERS", 2)
    assert len(read("username\na\nb").lines) == 2
    with pytest.raises(UnreadableFile, match="more than 2 users"):
        read("username\na\nb\nc")
    with pytest.raises(UnreadableFile, match=r"isn't XLSX\. Its content looks like CSV"):
        read("username\na", "xlsx")
    monkeypatch.setattr(files.LimitedReader.__init__, "__defaults__", (1000,))
    monkeypatch.setattr(files, "MAX_FILE_SIZE", 1000)
    with pytest.raises(UnreadableFile, match="unpacks to more than"):
        read(archive_of(users_csv="username\n" + "a" * 2000))
    with pytest.raises(UnreadableFile, match="unpacks to more than"):
        read(workbook("<row></row>" * 2000))
    monkeypatch.setattr(lines, "MAX_FILE_SIZE", 5)
    with pytest.raises(UnreadableFile, match="larger than"):
        read("username\na")


@pytest.mark.parametrize("format", imports.TEMPLATES)
def test_template(format: str) -> None:
    with pytest.raises(UnreadableFile, match="has no users"):
        read(imports.template(format))


def test_sealed_passwords(settings: Settings) -> None:
    sealed = seal("job", "jane", {"password": "secret"})
    assert "secret" not in sealed
    assert unseal("job", "jane", sealed) == {"password": "secret"}
    assert unseal("job", "john", sealed) is None
    assert unseal("other", "jane", sealed) is None
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "x" * 50, [settings.SECRET_KEY]
    assert unseal("job", "jane", sealed) == {"password": "secret"}
    settings.SECRET_KEY_FALLBACKS = []
    assert unseal("job", "jane", sealed) is None
    assert (seal("job", "jane", {}), unseal("job", "jane", "")) == ("", {})


def test_uploads_leave_no_file(rf: RequestFactory) -> None:
    """Of the two files, one is too large for the memory."""
    small, large = b"a", b"b" * (3 << 20)
    request = rf.post("/", {"small": SimpleUploadedFile("s.csv", small), "large": SimpleUploadedFile("l.csv", large)})
    files: dict[str, Any] = {name: request.FILES[name] for name in ("small", "large")}
    assert {name: file.read() for name, file in files.items()} == {"small": small, "large": large}
    assert {name: file.size for name, file in files.items()} == {"small": 1, "large": 3 << 20}
    assert isinstance(files["large"].file.name, int), "a file descriptor, and no path"
    request.close()
    assert files["large"].closed
