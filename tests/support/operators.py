"""Operators without a session, for tests of pure functions."""

from accounts.services.client import PersonClient
from accounts.services.signin.operators import Identity, Operator


def operator(*privileges: str, username: str = "ada", realm_type: str = "native") -> Operator:
    identity = Identity(username, "", "", [], realm_type, realm_type, list(privileges))
    return Operator(identity, PersonClient("nobody", "nothing"))


ADA = operator("manage_security", "read_security")
OTTO = operator("read_security", username="otto")
