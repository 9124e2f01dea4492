"""Calls to Elasticsearch: whose credentials they carry, how often they are sent, and which error a failure becomes."""

from accounts.services.client.authority import found_authority as found_authority
from accounts.services.client.cache import MemoryCache as MemoryCache
from accounts.services.client.cache import cached_for_service as cached_for_service
from accounts.services.client.cache import cached_per_scope as cached_per_scope
from accounts.services.client.cache import invalidate as invalidate
from accounts.services.client.cache import invalidating as invalidating
from accounts.services.client.clients import AdministratorClient as AdministratorClient
from accounts.services.client.clients import ApiKeyClient as ApiKeyClient
from accounts.services.client.clients import CredentialsMixin as CredentialsMixin
from accounts.services.client.clients import PersonClient as PersonClient
from accounts.services.client.clients import ServiceClient as ServiceClient
from accounts.services.client.clients import UnauthenticatedClient as UnauthenticatedClient
from accounts.services.client.clients import can_verify_credentials as can_verify_credentials
from accounts.services.client.clients import is_anonymous as is_anonymous
from accounts.services.client.clients import require_own_credentials as require_own_credentials
from accounts.services.client.clients import require_readable_users as require_readable_users
from accounts.services.client.clients import service_client as service_client
from accounts.services.client.forwarding import RUN_AS as RUN_AS
from accounts.services.client.forwarding import Answer as Answer
from accounts.services.client.forwarding import Call as Call
from accounts.services.client.forwarding import ForwardingClient as ForwardingClient
from accounts.services.client.forwarding import rejection as rejection
from accounts.services.client.serializer import exact_text as exact_text
from accounts.services.client.serializer import showable as showable
