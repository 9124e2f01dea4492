import re
import xml.etree.ElementTree as ElementTree

import pytest
from heroicons import IconDoesNotExist

from accounts.templatetags.icons import heroicon_micro, heroicon_mini, heroicon_outline
from usermgmt import icons


def test_an_icon_of_every_page_points_to_its_symbol() -> None:
    tag = heroicon_mini("plus")
    symbol = re.search(r"#([a-z-]+)", tag)
    assert symbol
    found = ElementTree.fromstring(icons.sprite()).find(f"*[@id='{symbol[1]}']")  # noqa: S314
    assert found is not None
    assert found.get("viewBox") == "0 0 20 20"
    assert found.get("fill") == "currentColor"
    assert len(found) > 0


def test_another_icon_is_written_into_the_page() -> None:
    assert "<path" in heroicon_outline("users", size=32)


def test_every_listed_icon_is_in_the_file() -> None:
    assert len(ElementTree.fromstring(icons.sprite())) == len(icons.ICONS)  # noqa: S314


def test_a_misspelt_icon_fails() -> None:
    with pytest.raises(IconDoesNotExist):
        heroicon_micro("no-such-icon")
