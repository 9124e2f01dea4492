"""Passwords: changes, the policy for new passwords, and strength."""

from accounts.services.passwords.change import change as change
from accounts.services.passwords.change import change_own as change_own
from accounts.services.passwords.change import change_unrecorded as change_unrecorded
from accounts.services.passwords.change import signs_in as signs_in
from accounts.services.passwords.change import verify_outcome as verify_outcome
