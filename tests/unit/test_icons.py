import re
import xml.etree.ElementTree as ElementTree

import pytest
from heroicons import IconDoesNotExist

from accounts.templatetags.icons import heroicon_micro, heroicon_mini, heroicon_outline
from usermgmt import icons


def test_common_icon_points_into_the_sprite() -> None:
    name = re.fullmatch(r"<i class=([a-z-]+)></i>", heroicon_mini("plus"))
    assert name
    place = re.search(rf"^i\.{name[1]} {{ mask-position: 0 -(\d+)px; }}$", icons.styles(), re.MULTILINE)
    assert place
    drawn = next(icon for icon in ElementTree.fromstring(icons.sprite()) if icon.get("y") == place[1])  # noqa: S314
    assert drawn.get("viewBox") == "0 0 20 20"
    assert len(drawn) > 0


def test_another_icon_or_size_is_written_into_the_page() -> None:
    assert "<path" in heroicon_outline("users", size=32)
    assert "<path" in heroicon_mini("plus", size=32)


def test_every_listed_icon_is_in_the_file() -> None:
    assert len(ElementTree.fromstring(icons.sprite())) == len(icons.ICONS)  # noqa: S314


def test_a_misspelt_icon_fails() -> None:
    with pytest.raises(IconDoesNotExist):
        heroicon_micro("no-such-icon")
