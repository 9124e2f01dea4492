"""One sprite with the common icons of heroicons, so that a page only needs class names. See `bundles`."""

import re
from typing import Final

import heroicons

FILE: Final = "img/icons.svg"
SIZES: Final = {"mini": 20, "micro": 16}  # pixels
ROW: Final = 20
# The icons of most pages. Others are inlined.
ICONS: Final = {
    ("mini", "arrow-left-start-on-rectangle"),
    ("mini", "chevron-double-left"),
    ("mini", "chevron-double-right"),
    ("mini", "chevron-left"),
    ("mini", "chevron-right"),
    ("mini", "clipboard-document-check"),
    ("mini", "clipboard-document-list"),
    ("mini", "computer-desktop"),
    ("mini", "document-magnifying-glass"),
    ("mini", "key"),
    ("mini", "magnifying-glass"),
    ("mini", "plus"),
    ("mini", "queue-list"),
    ("mini", "shield-check"),
    ("mini", "user-circle"),
    ("mini", "users"),
    ("micro", "arrow-down-tray"),
    ("micro", "chevron-down"),
    ("micro", "clipboard-document-check"),
    ("micro", "funnel"),
    ("micro", "pencil-square"),
    ("micro", "trash"),
    ("micro", "x-mark"),
}


def svg(style: str, name: str, size: int) -> str:
    """The SVG of an icon, without line breaks. Raises heroicons.IconDoesNotExist."""
    return "".join(line.strip() for line in heroicons._render_icon(style, name, size, {}).splitlines())


def sprite() -> str:
    """An SVG with all ICONS in one column."""
    symbols = "".join(
        re.sub(
            r"^<svg (.*?) width=.*?>(.*)</svg>$",
            rf'<svg \1 y="{top}" width="{SIZES[style]}" height="{SIZES[style]}">\2</svg>',
            svg(style, name, 0),
        )
        for top, (style, name) in _positions()
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="{len(ICONS) * ROW}">{symbols}</svg>'


def styles() -> str:
    """The CSS classes of the icons: the sprite is the mask of `<i class=mini-users>`, filled with the text color."""
    positions = "".join(f"i.{style}-{name} {{ mask-position: 0 -{top}px; }}\n" for top, (style, name) in _positions())
    return (
        "i { display: inline-block; flex: none; width: 20px; height: 20px; background: currentcolor; print-color-adjust: exact;\n"
        f'  forced-color-adjust: none; mask: url("../{FILE}") no-repeat; }}\n'
        'i[class^="micro-"] { width: 16px; height: 16px; }\n' + positions
    )


def _positions() -> list[tuple[int, tuple[str, str]]]:
    return [(number * ROW, icon) for number, icon in enumerate(sorted(ICONS))]
