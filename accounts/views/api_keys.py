"""API keys: the operator's own, and revoking those of a user."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import own_account, requires_manager
from accounts.http import AppRequest, go_to, is_dialog
from accounts.services import api_keys, users
from accounts.services.api_keys import ApiKeys, Owner
from accounts.services.client import PersonClient
from accounts.services.cluster.setup import SERVICE
from accounts.services.errors import AccessDenied, NotFound
from accounts.views.users.access import Part

NOT_SEEN = "You can't view your API keys because your account lacks the cluster privilege manage_own_api_key."


@dataclass(frozen=True)
class Revocation:
    """The owner of the keys, its description (`whose`), and the page to return to."""

    owner: Owner
    whose: str
    page: str

    @property
    def is_product(self) -> bool:
        """Whether usermgmt itself uses such a key."""
        return self.owner.username == SERVICE


@require_GET
@own_account
def own(request: AppRequest) -> HttpResponse:
    """The operator's own API keys, if the cluster allows to view them."""
    try:
        keys = Part(api_keys.of_owner(request.user.client, Owner.own(request.user)))
    except AccessDenied:
        keys = Part(problem=NOT_SEEN)
    return render(request, "api_keys/list.html", {"keys": keys})


@require_http_methods(["GET", "POST"])
@requires_manager
def revoke(request: AppRequest, username: str) -> HttpResponse:
    return _revoke(request, _of(request.user.client, username))


def _of(client: PersonClient, username: str) -> Revocation:
    """The user may be deleted, because API keys outlive their owner. Raises NotFound for a username without a user or a key."""
    try:
        user = users.get(client, username)
    except NotFound:
        owner = next((owner for owner in Owner.of_missing(username) if api_keys.active(client, owner).keys), None)
        if owner is None:
            raise
        return Revocation(owner, f"the deleted user {username}", reverse("finding", args=["orphaned-keys"]))
    return Revocation(Owner.of(user), username, reverse("user_edit", args=[username]))


@require_http_methods(["GET", "POST"])
@own_account
def revoke_own(request: AppRequest) -> HttpResponse:
    """Revoke the operator's own API keys; the cluster checks the privilege."""
    return _revoke(request, Revocation(Owner.own(request.user), "", reverse("account_api_keys")))


def _revoke(request: AppRequest, revocation: Revocation) -> HttpResponse:
    """Confirm the requested keys, or all active ones; POST revokes those of the confirmed keys that are still active."""
    client = request.user.client
    is_sent = request.method == "POST"
    ids = (request.POST if is_sent else request.GET).getlist("id")
    found = api_keys.active(client, revocation.owner, ids) if ids or not is_sent else ApiKeys([], 0)
    if is_sent and found.keys:
        api_keys.revoke(client, revocation.owner, found.keys)
        messages.success(request, _done(found))
        return go_to(request, revocation.page)
    template = "api_keys/_confirm.html" if is_dialog(request) else "api_keys/confirm.html"
    unmanaged = urlencode({"id": [key.id for key in found.unmanaged]}, doseq=True)
    context = {
        "revocation": revocation,
        "found": found,
        "title": _title(found),
        "action": request.path,
        "unmanaged_url": f"{request.path}?{unmanaged}",
    }
    return render(request, template, context, status=409 if is_sent else 200)


def _title(found: ApiKeys) -> str:
    if len(found.keys) == 1:
        return f"Revoke API key '{found.keys[0].label}'?"
    return f"Revoke {len(found.keys)} API keys?" if found.keys else "No API keys to revoke"


def _done(found: ApiKeys) -> str:
    return f"Revoked API key '{found.keys[0].label}'" if len(found.keys) == 1 else f"Revoked {len(found.keys)} API keys"
