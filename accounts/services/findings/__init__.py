"""Findings: what an auditor would write up. A run reads all users and API keys, a portion at a time, and its result is kept.

A run is a document in `usermgmt-findings`. Whoever has the right may ask for its next portion, from any process; a portion that
was read is committed whole or not at all (`runs`). What a user must be like to be found stands in `rules`, what each finding
means in `catalogue`.
"""

from accounts.services.findings.catalogue import BY_SLUG as BY_SLUG
from accounts.services.findings.catalogue import CATALOGUE as CATALOGUE
from accounts.services.findings.catalogue import Finding as Finding
from accounts.services.findings.rows import Row as Row
from accounts.services.findings.runs import Run as Run
from accounts.services.findings.runs import get as get
from accounts.services.findings.runs import history as history
from accounts.services.findings.runs import start as start
from accounts.services.findings.steps import advance as advance
