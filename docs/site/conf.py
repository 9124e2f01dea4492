"""Sphinx builds the site from a copy of what script/docs puts together."""

project = "usermgmt"
extensions = ["myst_parser"]
myst_heading_anchors = 4
html_theme = "furo"  # it loads nothing from other hosts
html_title = project
html_copy_source = False
html_show_copyright = False
highlight_language = "text"
suppress_warnings = ["misc.highlighting_failure"]  # of "…" in examples
