"""The few users and roles that best match a text."""

from accounts.services.search.search import find_roles as find_roles
from accounts.services.search.search import find_users as find_users
