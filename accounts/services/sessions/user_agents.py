"""The browser and system of a session, from the User-Agent header."""

import re
from typing import Final

# The first match counts: browsers also name those that they imitate.
BROWSERS: Final = (
    ("Edge", r"Edg(?:e|A|iOS)?/(\d+)"),
    ("Opera", r"OPR/(\d+)"),
    ("Samsung Internet", r"SamsungBrowser/(\d+)"),
    ("Firefox", r"(?:Firefox|FxiOS)/(\d+)"),
    ("Chrome", r"(?:Chrome|CriOS|HeadlessChrome)/(\d+)"),
    ("Safari", r"Version/(\d+)[\d.]* (?:Mobile/\w+ )?Safari/"),
    ("curl", r"^curl/(\d+)"),
    ("Python", r"^python-[a-z]+/(\d+)"),
)
SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows NT"),
    ("macOS", "Macintosh"),
    ("ChromeOS", "CrOS"),
    ("Linux", "Linux"),
)
UNKNOWN: Final = "Unknown browser"


def describe(user_agent: str) -> str:
    """For example "Firefox 128 on Linux". Only names from the tables above, regardless of the header."""
    matches = ((name, re.search(pattern, user_agent[:500])) for name, pattern in BROWSERS)
    browser = next((f"{name} {match[1][:4]}" for name, match in matches if match), UNKNOWN)
    system = next((f" on {name}" for name, token in SYSTEMS if token in user_agent), "")
    return browser + system
