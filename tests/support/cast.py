"""The users of the tests: `ada` is an administrator, `otto` an auditor, `norah` has no privileges in usermgmt."""

import secrets

from accounts.services.cluster import setup as cluster_setup

CAST = {"ada": ["user_admin"], "otto": [cluster_setup.AUDITOR_ROLE], "norah": ["viewer"]}
PASSWORD = secrets.token_urlsafe(12)
# Of a session, as the sign-in stores it.
IDENTITY = {"username": "jdoe", "realm_type": "native"}
