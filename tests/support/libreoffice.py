"""LibreOffice, which opens files of usermgmt as a user would."""

import os
import shutil
from typing import Final

import pytest

SOFFICE: Final = shutil.which("soffice") or ""

# script/setup installs it for CI, so there the test fails without it.
needs_libreoffice = pytest.mark.skipif(
    not SOFFICE and "CI" not in os.environ, reason="LibreOffice is not installed: script/setup --dev"
)
