"""The units in packaging/systemd, as systemd-analyze sees them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "packaging" / "systemd"
SERVICES, TIMERS = sorted(FOLDER.glob("*.service")), sorted(FOLDER.glob("*.timer"))
UNITS = [*SERVICES, *TIMERS]
SYSTEMD_ANALYZE = shutil.which("systemd-analyze") or ""

pytestmark = pytest.mark.skipif(not SYSTEMD_ANALYZE, reason="systemd isn't installed")


def _analyze(*arguments: str | Path) -> None:
    run = subprocess.run([SYSTEMD_ANALYZE, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_service_is_hardened(unit: Path) -> None:
    """`--threshold` is in tenths; the command fails above it."""
    _analyze("security", "--offline=true", "--threshold=20", "--no-pager", unit)


def test_units_are_valid(tmp_path: Path) -> None:
    """With a command that every machine has; `verify` looks for it."""
    for unit in UNITS:
        text = re.sub(r"^(ExecStart=)\S+", rf"\1{shutil.which('true')}", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
    _analyze("verify", "--man=no", "--recursive-errors=one", *(tmp_path / unit.name for unit in UNITS))


def test_each_timer_starts_a_service() -> None:
    names = {f"usermgmt-{name}" for name in ("check-audit-trail", "deactivate-expired", "delete-old-records", "export-users")}
    assert {unit.stem for unit in TIMERS} == names
    assert {unit.stem for unit in SERVICES} == {*names, "usermgmt"}


def test_the_package_disables_what_can_be_enabled() -> None:
    disabled = re.findall(r"usermgmt\S*\.\w+", (FOLDER.parent / "debian" / "prerm").read_text())
    assert sorted(disabled) == sorted(unit.name for unit in UNITS if "[Install]" in unit.read_text())


def test_guide_has_what_the_services_read() -> None:
    """Each timer with its command and time, each user, and the file with the password."""
    guide = (FOLDER.parents[1] / "docs" / "install.md").read_text()
    for timer in TIMERS:
        service = timer.with_suffix(".service").read_text()
        [time] = re.findall(r"^OnCalendar=\S+ (\d\d:\d\d):00( UTC)?$", timer.read_text(), re.MULTILINE)
        [[user, file]] = re.findall(
            r"^Environment=ELASTICSEARCH_USERNAME=(\w+) ELASTICSEARCH_PASSWORD_FILE=%d/(\w+)$", service, re.MULTILINE
        )
        assert re.search(
            rf"^\| `{timer.name}` \| \[`{timer.stem.removeprefix('usermgmt-')}`\].* \| {''.join(time)} \|$", guide, re.MULTILINE
        )
        assert re.search(rf"`{user}` \| .* \| `{file}` \|$", guide, re.MULTILINE)
        assert f"LoadCredential={file}:/etc/usermgmt/{file}\n" in service
