"""Names that reach something else wherever they are quoted wrongly."""

HOSTILE_NAMES = [
    "a/b",
    "..",
    ".",
    "%2F",
    "a,b",
    "edit",
    "x?y#z",
    "x" * 507,
    "<b>",
    "'\"",
    "a:b",
    "a b",
    "*",
    "~41",
    "_query",
    "&amp;",
    "\\",
]

HOSTILE_ROLES = ["a/b", "..", ".", "%2F", "a,b", "x?y#z", "x" * 507, "<b>", "'\"", "*", "~41", "_query", "&amp;", "\\", "a b"]
