"""A realm of type JWT, whose users get their roles from role mappings, as those of LDAP or SAML do."""

import base64
import json
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEYS = "keys.json"


class JwtRealm:
    """The settings of the realm, and tokens for its users. Needs more than a basic license."""

    def __init__(self, name: str) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        prefix = f"xpack.security.authc.realms.jwt.{name}"
        options = {
            "order": "1",
            "client_authentication.type": "NONE",
            "allowed_issuer": "tests",
            "allowed_audiences": "tests",
            "allowed_signature_algorithms": "RS256",
            "pkc_jwkset_path": KEYS,
            "claims.principal": "sub",
            "claims.groups": "groups",
        }
        self.settings = {"xpack.license.self_generated.type": "trial"} | {
            f"{prefix}.{key}": value for key, value in options.items()
        }

    def write_keys(self, config: Path) -> None:
        """The public key, which the node reads when it starts."""
        numbers = self._key.public_key().public_numbers()
        parts = {
            name: _encoded(number.to_bytes((number.bit_length() + 7) // 8)) for name, number in (("n", numbers.n), ("e", numbers.e))
        }
        config.mkdir(parents=True)
        (config / KEYS).write_text(json.dumps({"keys": [{"kty": "RSA", "kid": "one", "alg": "RS256", "use": "sig", **parts}]}))

    def token(self, username: str, *groups: str) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {"iss": "tests", "aud": "tests", "sub": username, "groups": groups, "exp": now + 3600}
        claims |= dict.fromkeys(("iat", "nbf", "auth_time"), now - 60)
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "one"}, claims))
        return f"{signed}.{_encoded(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
