"""The users of the tests: `ada` is an administrator, `otto` an auditor, `norah` has no privileges in usermgmt."""

import secrets

from accounts.services.cluster import own_roles

CAST = {"ada": ["user_admin"], "otto": [own_roles.AUDITOR_ROLE], "norah": ["viewer"]}
PASSWORD = secrets.token_urlsafe(12)
# Of a session, as the sign-in stores it.
IDENTITY = {"username": "jdoe", "realm_type": "native"}
