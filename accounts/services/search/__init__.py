"""The users and roles that best match a search text."""

from accounts.services.search.search import find_roles as find_roles
from accounts.services.search.search import find_users as find_users
