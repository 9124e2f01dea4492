"""Role mappings: which users of external realms, such as LDAP, SAML, or PKI, get which roles when they sign in. Read-only.

Native, built-in, and file users have their roles from elsewhere, so a role mapping never applies to them.
"""

from accounts.services.role_mappings.mappings import RoleMapping as RoleMapping
from accounts.services.role_mappings.mappings import all_mappings as all_mappings
from accounts.services.role_mappings.mappings import get as get
