"""API keys: those of all realms, one, the operator's own, creating one, and revoking them."""

import json
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from accounts import policy
from accounts.decorators import own_account, rejects_other_sites, requires_manager, requires_reader, requires_sign_in
from accounts.forms.api_keys import ApiKeyListForm, CreateApiKeyForm, RevokeApiKeyForm
from accounts.forms.reviews import KeyFilterForm
from accounts.forms.user_list import PAGE_SIZES
from accounts.http import AppRequest, address, go_to, is_dialog, wants_fragment
from accounts.services import api_keys, users
from accounts.services.api_keys import ApiKey, ApiKeyPage, ApiKeyQuery, ApiKeys, ListedKey, Owner, table
from accounts.services.api_keys.privileges import CHANGES, is_cross_cluster, own_privileges, owner_privileges
from accounts.services.client import PersonClient
from accounts.services.cluster.own_roles import SERVICE
from accounts.services.errors import AccessDenied, Invalid, NotFound
from accounts.services.exports import Table
from accounts.services.roles import cluster_privileges, grants
from accounts.templatetags import access_tables, user_table
from accounts.templatetags.filter_fields import filter_fields
from accounts.views.addresses import ListAddresses
from accounts.views.exports import table_export, table_print
from accounts.views.page_cache import CachedPage
from accounts.views.parts import Part
from accounts.views.sorting import column_head

COLUMNS: Final = (
    ("name", "Name"),
    ("owner", "Owner"),
    ("", "Realm"),
    ("", "Type"),
    ("created", "Created"),
    ("expires", "Expires"),
    ("", "State"),
    ("", "Administrator"),
)
FIELDS: Final = ("q", "state", "expires", "age", "administrator", "type", "realm", "sort", "size")
NOT_CREATED = "You can't create API keys because your account lacks the cluster privilege manage_own_api_key."
NOT_SEEN = "You can't view your API keys because your {} lacks the cluster privilege manage_own_api_key."
KEY_OF_KEY = (
    "You're signed in with an API key, and Elasticsearch lets API keys create only API keys without privileges. If you have a "
    "password, sign in with it to create one."
)


@dataclass(frozen=True)
class Revocation:
    """The owner of the keys, its description (`whose`), and the page to return to."""

    owner: Owner
    whose: str
    page: str
    ids: tuple[str, ...] = ()  # these keys only
    form: RevokeApiKeyForm | None = None  # asks for the reason

    @property
    def reason(self) -> str:
        return self.form.cleaned_data["reason"] if self.form else ""

    @property
    def is_product(self) -> bool:
        """Whether usermgmt itself uses such a key."""
        return self.owner.username == SERVICE


@require_GET
@requires_reader
def index(request: AppRequest) -> HttpResponse:
    """The keys of all realms: a page of them, and for the filters the numbers of all. One call, and a cached one."""
    client = request.user.client
    is_fragment = wants_fragment(request, "api-keys-results")
    form = ApiKeyListForm(request.GET, None if is_fragment else api_keys.summary(client))
    query = form.query()
    page = api_keys.find(client, query)
    review = KeyFilterForm.parameters(query) if page.total else ""
    cached_page = CachedPage(
        request,
        "api_keys/_results.html" if is_fragment else "api_keys/index.html",
        {
            "has_rows": bool(page.rows),
            "is_filtered": query.is_filtered,
            "has_review": bool(review),
            "has_previous": page.number > 1,
            "has_next": page.has_next,
        },
    )
    around = {"fields": "" if is_fragment else filter_fields(form, FIELDS), "review": escape(review)}
    return cached_page.render({**around, **_results(request, query, page)})


def _results(request: AppRequest, query: ApiKeyQuery, page: ApiKeyPage) -> dict[str, str]:
    return {
        "summary": f"Showing {page.range}" if page.total else "No API keys",
        "parameters": escape(request.GET.urlencode()),
        "caption": escape(f"API keys {page.range}: {table.describe(query)}"),
        "rows": access_tables.api_key_rows(page.rows),
        "size": str(page.size),
        "place": page.place,
        **_links(ListAddresses(request.GET, reverse("api_keys")), query, page),
    }


def _links(addresses: ListAddresses, query: ApiKeyQuery, page: ApiKeyPage) -> dict[str, str]:
    """The links that sort the list, set the number of its rows, and lead to its other pages."""
    pack = json.JSONEncoder(separators=(",", ":")).encode
    urls = {
        "first_url": addresses.to(),
        "previous_url": addresses.to(before=pack(page.start), page=str(page.number - 1)),
        "next_url": addresses.to(after=pack(page.end), page=str(page.number + 1)),
        "last_url": addresses.to(last="1"),
    }
    return {
        "heads": "".join(column_head(addresses, query, *column, in_one=True) for column in COLUMNS),
        "sizes": "".join(
            user_table.size_link(size, addresses.to(size=str(size)), is_current=size == page.size) for size in PAGE_SIZES
        ),
        **{name: escape(url) for name, url in urls.items()},
    }


@require_GET
@requires_reader
def view(request: AppRequest, key_id: str) -> HttpResponse:
    """One key: what it can do, whose it is, and what of it the owner can't do anymore. Up to five calls. Raises ApiKeyNotFound."""
    client = request.user.client
    key = api_keys.get(client, key_id)
    listed = ListedKey.of(key.body)
    owners = api_keys.load_owners(client, [key.body])
    excess = owners.excess(key.body)
    then = owner_privileges(key.body)
    context = {
        "key": key,
        "listed": listed,
        "escalations": [("", escalation) for escalation in listed.escalations],
        "owner": owners.of(key.body),
        "is_cross_cluster": is_cross_cluster(key.body),
        "has_own_privileges": bool(own_privileges(key.body)),
        "own": grants.sections({"": [grant for body in own_privileges(key.body) for grant in grants.of(body)]}),
        "limit": grants.sections({name: grants.of(body) for name, body in then}),
        "limiting_roles": [name for name, _ in then],
        "combined": cluster_privileges.combined(name for _, body in then for name in body.get("cluster", [])),
        "excess": excess,
        "excess_roles": [(name, CHANGES[change]) for name, change in excess.roles] if excess else [],
        "excess_sections": grants.sections({"": excess.grants}) if excess else [],
        "metadata": sorted((key.body.get("metadata") or {}).items()),
        "can_revoke": key.is_active and _can_revoke(request, key),
    }
    return render(request, "api_keys/view.html", context)


@require_http_methods(["GET", "POST"])
@requires_reader
def export(request: AppRequest) -> HttpResponseBase:
    """All keys that match, as a file."""
    return table_export(request, _table(request), _with_filter(request, "api_keys"), _with_filter(request, "api_key_print"))


@require_http_methods(["GET", "POST"])
@requires_reader
@rejects_other_sites
def printable(request: AppRequest) -> HttpResponse:
    """All keys that match, up to a number of them."""
    return table_print(request, _table(request), _with_filter(request, "api_keys"), _with_filter(request, "api_key_export"))


def _with_filter(request: AppRequest, name: str) -> str:
    return f"{reverse(name)}?{request.GET.urlencode()}"


def _table(request: AppRequest) -> Table:
    client, query = request.user.client, api_keys.without_position(ApiKeyListForm(request.GET).query())
    return Table(
        name="api-keys",
        noun="API keys",
        columns=table.COLUMNS,
        filter=table.describe(query),
        query=table.query_string(query),
        count=partial(api_keys.count, client, query),
        batches=lambda: ([table.row(listed) for listed in batch] for batch in api_keys.batches(client, query)),
    )


@require_GET
@own_account
def own(request: AppRequest) -> HttpResponse:
    """The operator's own API keys, if the cluster allows to view them."""
    operator = request.user
    try:
        keys = Part(api_keys.of_owner(operator.client, Owner.own(operator)))
    except AccessDenied:
        keys = Part(problem=NOT_SEEN.format("API key" if operator.api_key else "account"))
    can_create = operator.can_read and operator.can_create_api_keys and settings.USER_API != "off"
    return render(request, "api_keys/list.html", {"keys": keys, "can_create": can_create})


@sensitive_variables("created")
@require_http_methods(["GET", "POST"])
@requires_reader
def create_own(request: AppRequest) -> HttpResponse:
    """A key of the operator for a program that calls the user API. Its secret is only in this response.

    Raises Http404 where the user API is off.
    """
    if settings.USER_API == "off":
        raise Http404("user API")
    operator, created = request.user, None
    if not operator.can_create_api_keys:
        raise PermissionDenied(KEY_OF_KEY)
    form = CreateApiKeyForm(request.POST if request.method == "POST" else None, can_manage=operator.can_manage)
    if form.is_valid():
        try:
            created = api_keys.create(operator.client, **form.cleaned_data)
        except AccessDenied:
            form.add_error(None, NOT_CREATED)
        except Invalid as exc:
            form.add_error(None, f"Elasticsearch rejected the API key: {exc}")
    context = {
        "form": form,
        "created": created,
        "days": form.cleaned_data.get("days") if created else None,
        "address": address(request),
    }
    return render(request, "api_keys/create.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires_manager
def revoke(request: AppRequest, username: str) -> HttpResponse:
    """Revoke keys of a user, with a reason."""
    return _revoke(request, replace(_of(request.user.client, username), form=_reason(request)))


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
@requires_sign_in
def revoke_one(request: AppRequest, key_id: str) -> HttpResponse:
    """Revoke any key, with a reason: administrators, and owners their own; the cluster checks the privilege.

    Raises ApiKeyNotFound.
    """
    key = api_keys.get(request.user.client, key_id, with_limited_by=False)
    if not _can_revoke(request, key):
        raise PermissionDenied(policy.NOT_PRIVILEGED)
    page = reverse("api_key", args=[key_id]) if request.user.can_read else reverse("account_api_keys")
    whose = f"{key.username} of the realm {key.realm}"
    return _revoke(request, Revocation(Owner.of_key(key, request.user), whose, page, (key_id,), _reason(request)))


def _reason(request: AppRequest) -> RevokeApiKeyForm:
    return RevokeApiKeyForm(request.POST if request.method == "POST" else None)


def _can_revoke(request: AppRequest, key: ApiKey) -> bool:
    """Their own key, or any with `manage_api_key`, which `manage_security` implies. The cluster decides in any case."""
    operator = request.user
    return operator.can_manage or api_keys.is_own(key, operator) or api_keys.can_manage(operator.client)


@require_http_methods(["GET", "POST"])
@own_account
def revoke_own(request: AppRequest) -> HttpResponse:
    """Revoke the operator's own API keys; the cluster checks the privilege."""
    return _revoke(request, Revocation(Owner.own(request.user), "", reverse("account_api_keys")))


def _revoke(request: AppRequest, revocation: Revocation) -> HttpResponse:
    """Confirm the requested keys, or all active ones; POST revokes those of the confirmed keys that are still active."""
    client = request.user.client
    is_sent = request.method == "POST"
    ids = revocation.ids or (request.POST if is_sent else request.GET).getlist("id")
    found = api_keys.active(client, revocation.owner, ids) if ids or not is_sent else ApiKeys([], 0)
    if is_sent and found.keys and (revocation.form is None or revocation.form.is_valid()):
        api_keys.revoke(client, revocation.owner, found.keys, revocation.reason)
        messages.success(request, _done(found))
        return go_to(request, revocation.page)
    template = "api_keys/_confirm.html" if is_dialog(request) else "api_keys/confirm.html"
    unmanaged = urlencode({"id": [key.id for key in found.unmanaged]}, doseq=True)
    used = request.user.api_key
    context = {
        "revocation": revocation,
        "ends_session": used and used.id in {key.id for key in found.keys},
        "found": found,
        "title": _title(found),
        "action": request.path,
        "unmanaged_url": f"{request.path}?{unmanaged}",
    }
    return render(request, template, context, status=200 if not is_sent else 422 if found.keys else 409)


def _title(found: ApiKeys) -> str:
    if len(found.keys) == 1:
        return f"Revoke API key '{found.keys[0].label}'?"
    return f"Revoke {len(found.keys)} API keys?" if found.keys else "No API keys to revoke"


def _done(found: ApiKeys) -> str:
    return f"Revoked API key '{found.keys[0].label}'" if len(found.keys) == 1 else f"Revoked {len(found.keys)} API keys"
