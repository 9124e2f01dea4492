"""Findings: risks that checks find. A run reads all users and API keys in batches, and stores its result.

A run is a document in `usermgmt-findings`. Any user with read access can request its next batch, from any process; a batch is
stored completely or not at all (`runs`). The rules are in `rules`, their texts in `catalogue`.
"""

from accounts.services.findings.catalogue import BY_SLUG as BY_SLUG
from accounts.services.findings.catalogue import CATALOGUE as CATALOGUE
from accounts.services.findings.catalogue import Finding as Finding
from accounts.services.findings.rows import Row as Row
from accounts.services.findings.runs import Run as Run
from accounts.services.findings.runs import count_documents as count_documents
from accounts.services.findings.runs import deletable_before as deletable_before
from accounts.services.findings.runs import delete as delete
from accounts.services.findings.runs import first_readable as first_readable
from accounts.services.findings.runs import get as get
from accounts.services.findings.runs import history as history
from accounts.services.findings.runs import history_and_damaged as history_and_damaged
from accounts.services.findings.runs import latest as latest
from accounts.services.findings.runs import start as start
from accounts.services.findings.steps import advance as advance
