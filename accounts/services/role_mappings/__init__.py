"""Role mappings: which users of external realms, such as LDAP, SAML, or PKI, get which roles when they sign in.

Native, built-in, and file users have their roles from elsewhere, so a role mapping never applies to them.
"""

from accounts.services.role_mappings.assessment import Assessment as Assessment
from accounts.services.role_mappings.assessment import assess as assess
from accounts.services.role_mappings.assessment import assess_all as assess_all
from accounts.services.role_mappings.assessment import recently_assessed as recently_assessed
from accounts.services.role_mappings.mappings import RoleMapping as RoleMapping
from accounts.services.role_mappings.mappings import all_mappings as all_mappings
from accounts.services.role_mappings.mappings import get as get
from accounts.services.role_mappings.query import MappingQuery as MappingQuery
from accounts.services.role_mappings.query import matching as matching
from accounts.services.role_mappings.reach import Reach as Reach
from accounts.services.role_mappings.removal import delete as delete
from accounts.services.role_mappings.removal import disable as disable
from accounts.services.role_mappings.rows import COLUMNS as COLUMNS
from accounts.services.role_mappings.rows import row as row
from accounts.services.role_mappings.rules import Outline as Outline
from accounts.services.role_mappings.rules import outline as outline
