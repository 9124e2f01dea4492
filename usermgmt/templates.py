"""The template loader."""

import re

from django.template import Origin
from django.template.loaders import filesystem


class UnindentedLoader(filesystem.Loader):
    """Removes the indentation, a tenth of the bytes of a page. Line numbers don't change."""

    def get_contents(self, origin: Origin) -> str:
        """The source of the template. No template has significant leading spaces."""
        return re.sub(r"(?m)^[ \t]+", "", super().get_contents(origin))
