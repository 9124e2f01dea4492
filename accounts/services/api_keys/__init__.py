"""API keys: of a user, or of all realms, what they can do, and revoking them."""

from accounts.services.api_keys.keys import MAX_REVOKED as MAX_REVOKED
from accounts.services.api_keys.keys import ApiKey as ApiKey
from accounts.services.api_keys.keys import ApiKeys as ApiKeys
from accounts.services.api_keys.keys import Owner as Owner
from accounts.services.api_keys.keys import active as active
from accounts.services.api_keys.keys import active_query as active_query
from accounts.services.api_keys.keys import count_active_by_owner as count_active_by_owner
from accounts.services.api_keys.keys import of_owner as of_owner
from accounts.services.api_keys.keys import of_user as of_user
from accounts.services.api_keys.keys import revoke as revoke
from accounts.services.api_keys.pages import Key as Key
from accounts.services.api_keys.privileges import escalations_of as escalations_of
