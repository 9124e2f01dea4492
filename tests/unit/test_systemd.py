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
    timers = {unit.stem for unit in TIMERS}
    assert timers == {"usermgmt-check-audit-trail", "usermgmt-delete-old-records", "usermgmt-export-users"}
    assert timers < {unit.stem for unit in SERVICES}
