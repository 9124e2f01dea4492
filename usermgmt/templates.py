"""How templates are loaded."""

import re

from django.template import Origin
from django.template.loaders import filesystem


class UnindentedLoader(filesystem.Loader):
    """Without the indentation that is for us: it would be a tenth of a page's bytes. Line numbers stay as they are."""

    def get_contents(self, origin: Origin) -> str:
        """The template's text. None of ours has text in which leading spaces count."""
        return re.sub(r"(?m)^[ \t]+", "", super().get_contents(origin))
