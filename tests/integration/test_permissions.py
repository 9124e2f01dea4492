"""Every URL, for everybody who may ask for it: the table says what each of them gets.

Every form could succeed: it is about users, reviews, a run, an event, and sessions that exist. So a refusal is a refusal, and no
404 by luck. Django's test client is not asked for a CSRF token, as if a forger had got hold of one: the access declarations alone
have to refuse. At the end of the first test even the manager sends every form once without a token.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.services import audit, errors, exports, findings, jobs, reviews, sessions, users
from accounts.services.audit import Action
from accounts.services.client import PersonClient
from accounts.services.documents import indices
from accounts.services.request_context import Actor
from accounts.services.users import User, UserQuery, restores
from accounts.views.login import NOTICES
from tests.support.cast import CAST, PASSWORD
from tests.support.findings import run_through
from tests.support.nodes import TestNode
from tests.support.reviews import confirmed, decide, sign_off, start_review
from tests.support.role_mappings import no_mappings_left, put_mapping
from tests.support.sessions import OWN_PAGE, another_session, store_of

OWN_KEYS: Final = "own_keys"  # a role, to manage API keys of their own
# Who asks: their user, its roles, and why they are asked to sign in.
KINDS: Final = {
    "nobody": ("", [], ""),
    "expired": ("eve", CAST["ada"], "ended"),  # the session's time is over
    "disabled": ("dan", CAST["ada"], "refused"),  # signed in, then deactivated behind the product's back
    "none": ("noah", [*CAST["norah"], OWN_KEYS], ""),  # without privileges for users
    "auditor": ("olga", [*CAST["otto"], OWN_KEYS], ""),
    "manager": ("mia", CAST["ada"], ""),
}
SIGN_IN: Final = "sign-in"  # a GET is redirected to the sign-in page; a POST is answered with that page and 401
REFUSALS: Final = (SIGN_IN, "403", "405")
OWN: Final = (
    "account_change_password",
    "account_create_api_key",
    "account_revoke_api_keys",
    "api_key_revoke",
)  # what everybody may change of their own account
# Files that say nothing about the cluster.
WITHOUT_DATA: Final = ("user_import_template",)
RESERVED: Final = ("elastic", "kibana_system")

TABLE: Final = """
#                       GET                                                     POST
#                       nobody   expired  disabled none     auditor  manager    nobody   expired  disabled none     auditor  manager
users                   sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
user_filters            sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
kibana_sign_ins         sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
users_past_end_date     sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  405      405      405
user_export             sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
user_print              sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
user_create             sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  403      403      302
user_edit               sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      403      302
user_access             sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
user_history            sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
user_change_password    sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  403      403      302
user_revoke_api_keys    sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  403      403      302
user_deactivate         sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  403      403      302
user_activate           sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  403      403      302
user_delete             sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  403      403      302
user_offboarding        sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
users_offboarding       sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
users_delete            sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  403      403      302
user_import             sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  403      403      302
user_import_template    sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  405      405      405
jobs                    sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
job_create              sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  403      403      302
job                     sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
job_advance             sign-in  sign-in  sign-in  405      405      405        sign-in  sign-in  sign-in  403      403      302
job_control             sign-in  sign-in  sign-in  405      405      405        sign-in  sign-in  sign-in  403      403      302
job_export              sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
job_passwords           sign-in  sign-in  sign-in  405      405      405        sign-in  sign-in  sign-in  403      403      200
job_offboarding         sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
job_offboarding_export  sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
home                    sign-in  sign-in  sign-in  302      302      302        sign-in  sign-in  sign-in  405      405      405
login                   200      200      302      302      302      302        200      200      200      200      200      200
login_with_api_key      404      404      sign-in  404      404      404        404      404      sign-in  404      404      404
similar_users           sign-in  sign-in  sign-in  403      403      200      sign-in  sign-in  sign-in  405      405      405
theme                   405      405      405      405      405      405        302      302      302      302      302      302
livez                   200      200      200      200      200      200        405      405      405      405      405      405
metrics                 404      404      404      404      404      404        405      405      405      405      405      405
readyz                  200      200      200      200      200      200        405      405      405      405      405      405
search                  sign-in  sign-in  sign-in  200      200      200        sign-in  sign-in  sign-in  405      405      405
roles                   sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
who_can                 sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
role_export             sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
role_print              sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
role                    sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
role_mappings           sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
role_mapping            sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
role_mapping_export     sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
role_mapping_print      sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
account                 sign-in  sign-in  sign-in  200      200      200        sign-in  sign-in  sign-in  405      405      405
user_api                sign-in  sign-in  sign-in  200      200      200        sign-in  sign-in  sign-in  405      405      405
account_sessions        sign-in  sign-in  sign-in  200      200      200        sign-in  sign-in  sign-in  405      405      405
account_session_end     sign-in  sign-in  sign-in  200      200      200        sign-in  sign-in  sign-in  302      302      302
account_sessions_end    sign-in  sign-in  sign-in  200      200      200        sign-in  sign-in  sign-in  302      302      302
session_extend          sign-in  sign-in  sign-in  200      200      200        sign-in  sign-in  sign-in  200      200      200
sessions                sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  405      405      405
session_end             sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  403      403      302
sign_in_allow           sign-in  sign-in  sign-in  405      405      405      sign-in  sign-in  sign-in  403      403      302
sessions_end            sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  403      403      302
account_api_keys        sign-in  sign-in  sign-in  200      200      200        sign-in  sign-in  sign-in  405      405      405
account_create_api_key  sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
account_revoke_api_keys sign-in  sign-in  sign-in  200      200      200        sign-in  sign-in  sign-in  302      302      302
api_keys                sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
api_key                 sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
api_key_export          sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
api_key_print           sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
api_key_revoke          sign-in  sign-in  sign-in  200      200      200        sign-in  sign-in  sign-in  302      302      302
password_strength       sign-in  sign-in  sign-in  405      405      405        sign-in  sign-in  sign-in  200      200      200
access                  sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
service_accounts        sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
service_account         sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
service_account_export  sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
service_account_print   sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
system                  sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  405      405      405
compare                 sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
compare_exports         sign-in  sign-in  sign-in  405      405      405        sign-in  sign-in  sign-in  403      200      200
compare_reviews         sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
compare_trail           sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
findings                sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
findings_run            sign-in  sign-in  sign-in  405      405      405        sign-in  sign-in  sign-in  403      302      302
findings_resume         sign-in  sign-in  sign-in  405      405      405        sign-in  sign-in  sign-in  403      302      302
finding                 sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
finding_export          sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
damaged_discard         sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  403      403      302
reviews                 sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
review_create           sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      302      302
reviews_due             sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
review                  sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
review_progress         sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
review_decide           sign-in  sign-in  sign-in  405      405      405        sign-in  sign-in  sign-in  403      302      302
review_job              sign-in  sign-in  sign-in  405      405      405        sign-in  sign-in  sign-in  403      200      302
review_sign_off         sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      302      302
review_cancel           sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      302      302
review_report           sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
review_check            sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
review_download         sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
review_removals         sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      403      302
review_apply_removals   sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  405      405      405
audit                   sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
audit_export            sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  403      200      200
audit_event             sign-in  sign-in  sign-in  403      200      200        sign-in  sign-in  sign-in  405      405      405
audit_restore           sign-in  sign-in  sign-in  403      403      200        sign-in  sign-in  sign-in  403      403      302
audit_verify            sign-in  sign-in  sign-in  405      405      405        sign-in  sign-in  sign-in  403      403      302
account_change_password sign-in  sign-in  sign-in  200      200      200        sign-in  sign-in  sign-in  302      302      302
logout                  405      405      405      405      405      405        302      302      302      302      302      302
"""
EXPECTED: Final = {
    line.split()[0]: dict(zip([(method, kind) for method in ("GET", "POST") for kind in KINDS], line.split()[1:], strict=True))
    for line in TABLE.strip().splitlines()
    if not line.startswith("#")
}


class Request(NamedTuple):
    method: str
    kind: str
    name: str
    target: str = ""  # another user than the one whom `Sent` names

    @property
    def expected(self) -> str:
        return EXPECTED[self.name][self.method, self.kind]


@dataclass(frozen=True)
class Sent:
    """What a request has besides its name: the arguments of the address, its query, and the fields of the form."""

    args: tuple[str, ...] = ()
    query: str = ""
    form: dict[str, Any] = field(default_factory=dict)


class World:
    """What there is to ask for, and who asks."""

    def __init__(self, node: TestNode) -> None:
        self.node = node
        self.make_users()
        self.clients = {kind: self.sign_in(username) for kind, (username, _, _) in KINDS.items()}
        # Sessions to be ended: two more of each of them, and two of somebody else.
        self.others = {kind: [another_session(client) for _ in "12"] for kind, client in self.clients.items() if kind != "nobody"}
        victor = self.sign_in("victor")
        self.victim = store_of(another_session(victor)).document_id
        self.make_reviews_and_run()
        self.make_delay()
        self.export = exported(self.otto)
        node.elastic.security.disable_user(username="dan")
        self.session = dict(node.elastic.get(index=indices.SESSIONS, id=store_of(self.clients["disabled"]).document_id))
        past = (timezone.now() - timedelta(seconds=1)).isoformat()
        node.elastic.update(index=indices.SESSIONS, id=store_of(self.clients["expired"]).document_id, doc={"expires": past})
        node.elastic.indices.refresh(index="usermgmt-*", expand_wildcards=["open", "hidden"])

    def make_users(self) -> None:
        people = {username: roles for username, roles, _ in KINDS.values() if username}
        people |= {name: ["viewer"] for name in ("jdoe", "jdoe-idle", "jdoe-gone", "edited", "victor")}
        for name, roles in people.items():
            self.node.put_user(name, roles=roles, enabled=name != "jdoe-idle")
        grant = partial(
            self.node.elastic.security.grant_api_key,
            grant_type="password",
            password=PASSWORD,
            api_key={"name": "key"},
            refresh=True,
        )
        self.keys, self.other_keys = ({name: grant(username=name)["id"] for name in ("jdoe", "noah", "olga", "mia")} for _ in "12")

    def sign_in(self, username: str) -> Client:
        client = Client(headers=OWN_PAGE)
        if username:
            assert client.post("/login", {"username": username, "password": PASSWORD}).status_code == 302
        return client

    def make_reviews_and_run(self) -> None:
        self.otto = otto = PersonClient("otto", PASSWORD)
        otto.actor = Actor("otto", "default_native", "native")
        people = UserQuery(q="jdoe", kind="native")
        self.snapshotting = reviews.start(otto, people, "Snapshotting").id
        self.open, self.marked, self.canceled, done = (start_review(otto, people) for _ in range(4))
        for review in (self.marked, done):
            for number in (1, 2, 3):
                decide(otto, review, number, "remove" if number == 2 else "keep")
        self.signed = sign_off(otto, done)
        self.damaged = "damaged"
        self.node.elastic.index(index=indices.REVIEWS, id=self.damaged, document={"kind": "review"})
        run_through(self.node, otto)
        self.run = findings.start(otto).id
        mia = PersonClient("mia", PASSWORD)
        mia.actor = Actor("mia", "default_native", "native")
        self.job, self.advanced = (jobs.create(mia, "deactivate", (), ["jdoe-gone"], "jdoe-gone").id for _ in range(2))
        for job in (self.job, self.advanced):
            jobs.start(mia, jobs.advance(mia, job, lambda action, user, wanted: "").id)
        self.reset = jobs.create(mia, "reset-passwords", (), ["jdoe-gone"], "jdoe-gone").id
        jobs.start(mia, jobs.advance(mia, self.reset, lambda action, user, wanted: "").id)
        while jobs.advance(mia, self.reset, lambda action, user, wanted: "").state == "running":
            pass
        users.update(mia, users.get(mia, "edited"), User("edited", full_name="Edited", roles=("viewer",)))
        with pytest.raises(errors.OutcomeUnknown), audit.recorded(otto, audit.Action.USER_UPDATE, "lost"):
            raise errors.OutcomeUnknown("lost")
        self.node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
        self.event = audit.search(audit.Query(target="lost")).events[0].id
        self.edit = audit.search(audit.Query(target="edited", action=Action.USER_UPDATE)).events[0].id
        self.edited = restores.state(audit.get(self.edit), users.get(mia, "edited"))

    def make_delay(self) -> None:
        """Of the next sign-in of jdoe."""
        self.delay, later = "a-delay", (timezone.now() + timedelta(minutes=10)).isoformat()
        document = {"failures": 5, "username": "jdoe", "until": later, "expires": later}
        self.node.elastic.index(index=indices.THROTTLE, id=self.delay, document=document)

    def client(self, kind: str) -> Client:
        if kind == "nobody":
            return Client()
        if kind == "disabled":  # a refusal of the credentials has ended the session
            self.node.elastic.index(index=indices.SESSIONS, id=self.session["_id"], document=self.session["_source"])
        return self.clients[kind]

    def sent(self, kind: str) -> dict[str, Sent]:
        """What is sent to the addresses that need something."""
        username = KINDS[kind][0]
        today, password = f"{timezone.now():%Y-%m-%d}", {"password": "Vq7-another-one", "confirm_password": "Vq7-another-one"}
        other = store_of(self.others[kind][0]).document_id if kind in self.others else self.victim
        number = {"auditor": "1", "manager": "2"}.get(kind, "3")
        jdoe = '{"full_name": "", "email": "", "roles": ["viewer"], "enabled": true}'
        return {
            "user_export": Sent(form={"format": "csv"}),
            "user_create": Sent(form={"username": f"new-{kind}", "full_name": "Forged", "roles": ["superuser"], **password}),
            "user_edit": Sent(("jdoe",), form={"full_name": f"Forged by {kind}", "roles": ["superuser"], "seen": jdoe}),
            "user_access": Sent(("jdoe",)),
            "user_history": Sent(("jdoe",)),
            "user_change_password": Sent(("jdoe",), form=password),
            "user_revoke_api_keys": Sent(("jdoe",), form={"id": [self.keys["jdoe"]], "reason": "unused"}),
            "user_deactivate": Sent(("jdoe",)),
            "user_activate": Sent(("jdoe-idle",)),
            "user_delete": Sent(("jdoe",)),
            "user_offboarding": Sent(("jdoe",)),
            "users_offboarding": Sent(query="?username=jdoe&username=jdoe-gone"),
            "users_delete": Sent(query="?username=jdoe-gone", form={"username": ["jdoe-gone"]}),
            "user_import": Sent(form={"file": SimpleUploadedFile("new.csv", b"username,roles\njdoe,superuser\n")}),
            "job_create": Sent(form={"users": "selected", "username": ["jdoe"], "action": "add-roles", "roles": ["superuser"]}),
            "job": Sent((self.job,)),
            "job_advance": Sent((self.advanced,)),
            "job_control": Sent((self.job,), form={"command": "pause"}),
            "job_export": Sent((self.job,)),
            "job_passwords": Sent((self.reset,)),
            "job_offboarding": Sent((self.job,)),
            "job_offboarding_export": Sent((self.job,)),
            "kibana_sign_ins": Sent(query="?uid=u_none_0"),
            "search": Sent(query="?q=jdoe"),
            "theme": Sent(form={"theme": "dark"}),
            "account_change_password": Sent(form={"current_password": PASSWORD, **password}),
            "account_create_api_key": Sent(form={"name": f"of {kind}", "privilege": "read_security", "days": "7"}),
            "account_revoke_api_keys": Sent(form={"id": [self.keys.get(username, "none")]}),
            "api_key": Sent((self.keys["jdoe"],)),
            "api_key_export": Sent(form={"format": "csv"}),
            "api_key_revoke": Sent((self.other_keys.get(username, self.keys["jdoe"]),), form={"reason": "unused"}),
            "account_session_end": Sent((other,)),
            "session_end": Sent((self.victim,)),
            "sign_in_allow": Sent((self.delay,)),
            "sessions_end": Sent(form={"username": "victor", "realm": "default_native"}),
            "password_strength": Sent(form={"password": "Vq7-another-one", "username": username}),
            "who_can": Sent(query="?privilege=manage_security"),
            "role_export": Sent(form={"format": "csv"}),
            "role": Sent(("viewer",)),
            "role_mapping": Sent(("everyone",)),
            "role_mapping_export": Sent(form={"format": "csv"}),
            "service_account": Sent(("elastic/fleet-server",)),
            "service_account_export": Sent(form={"format": "csv"}),
            "damaged_discard": Sent(("reviews",), form={"id": [self.damaged]}),
            "compare_exports": Sent(form={"one": self.upload(), "other": self.upload(), "format": "csv"}),
            "compare_reviews": Sent(query=f"?one={self.open.id}&other={self.signed.id}&format=csv"),
            "compare_trail": Sent(query=f"?since={today}&format=csv"),
            "findings_resume": Sent((self.run,)),
            "finding": Sent(("managers",)),
            "finding_export": Sent(("managers",)),
            "review_create": Sent(query="?q=jdoe", form={"title": f"By {kind}"}),
            "review": Sent((self.open.id,)),
            "review_progress": Sent((self.open.id,)),
            "review_decide": Sent((self.open.id,), form={"number": [number], f"{number}-decision": "remove"}),
            "review_job": Sent((self.snapshotting,)),
            "review_sign_off": Sent((self.marked.id,), form={"password": PASSWORD}),
            "review_cancel": Sent((self.canceled.id,), form={"reason": f"of {kind}"}),
            "review_report": Sent((self.signed.id,)),
            "review_check": Sent((self.signed.id,)),
            "review_download": Sent((self.signed.id,)),
            "review_removals": Sent((self.signed.id,), form=confirmed(self.signed, "deactivate")),
            "review_apply_removals": Sent((self.signed.id,), query="?action=deactivate"),
            "audit_export": Sent(form={"format": "csv"}),
            "audit_event": Sent((self.event,)),
            "audit_restore": Sent((self.edit,), form={"field": ["full_name"], "state": self.edited}),
            "audit_verify": Sent((self.event,)),
        }

    def upload(self) -> SimpleUploadedFile:
        return SimpleUploadedFile("users.zip", self.export)

    def ask(self, request: Request, client: Client | None = None) -> str:
        """What they get, in the words of the table."""
        sent = self.sent(request.kind).get(request.name, Sent())
        url = reverse(request.name, args=[request.target] if request.target else sent.args) + sent.query
        client = client or self.client(request.kind)
        return told(client.post(url, sent.form) if request.method == "POST" else client.get(url), request.kind)

    def state(self) -> dict[str, Any]:
        """What nobody who is refused changes: users, roles, and API keys; reviews, findings, and locks; somebody else's session."""
        names = [indices.REVIEWS, indices.FINDINGS, indices.JOBS, indices.LOCKS]
        own: dict[str, Any] = {"index": names, "expand_wildcards": "all", "ignore_unavailable": True}
        self.node.elastic.indices.refresh(**own)
        found = self.node.elastic.search(**own, size=10_000, sort=["_doc"], source=False, seq_no_primary_term=True)
        return {
            "writes": self.node.writes(),
            "jdoe": self.node.user("jdoe"),
            "documents": {(hit["_index"], hit["_id"]): hit["_seq_no"] for hit in found["hits"]["hits"]},
            "delay": bool(self.node.elastic.exists(index=indices.THROTTLE, id=self.delay)),
            "sessions": [session.id for session in sessions.sessions_of_user("victor", "default_native")],
        }

    def events(self) -> list[tuple[str, str, str]]:
        """The audit trail: action, actor, and outcome."""
        trail: dict[str, Any] = {"index": indices.AUDIT_PATTERN, "expand_wildcards": "all"}
        self.node.elastic.indices.refresh(**trail)
        found = self.node.elastic.search(**trail, size=10_000)["hits"]["hits"]
        events = [hit["_source"] for hit in found]
        return [(each["event"]["action"], each["user"]["name"], each["event"].get("outcome", "")) for each in events]


def exported(client: PersonClient) -> bytes:
    return b"".join(chunk.data for chunk in exports.write(client, UserQuery(q="jdoe"), exports.FORMATS["csv"]))


def told(response: HttpResponseBase, kind: str) -> str:
    if getattr(response, "streaming", False):
        b"".join(response)
    location = urlsplit(response.headers.get("Location", ""))
    if response.status_code == 401:
        assert NOTICES.get(KINDS[kind][2], "") in response.context["notice"]  # type: ignore[attr-defined]
        return SIGN_IN
    if location.path == reverse("login") and "next" in parse_qs(location.query):
        assert parse_qs(location.query).get("reason", [""]) == [KINDS[kind][2]]
        return SIGN_IN
    return str(response.status_code)


@pytest.fixture
def world(node: TestNode, settings: Settings) -> Iterator[World]:
    # The cluster is not asked again at the start of a request, so that only the view or the middleware can notice a deactivation.
    settings.PRIVILEGES_FRESH_FOR = timedelta(hours=1)
    node.elastic.security.put_role(name=OWN_KEYS, cluster=["manage_own_api_key"])
    put_mapping(node, "everyone", ["viewer"])
    with no_mappings_left(node):
        yield World(node)
    node.elastic.security.delete_role(name=OWN_KEYS)


def names(patterns: Sequence[URLPattern | URLResolver]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns)
        else:
            yield str(pattern.name)


def test_the_table_has_every_url() -> None:
    assert sorted(EXPECTED) == sorted(names(get_resolver().url_patterns))


ALL: Final = [Request(*cell, name) for name, row in EXPECTED.items() for cell in row]


def wrong(got: dict[Request, str]) -> dict[Request, str]:
    return {request: answer for request, answer in got.items() if answer != request.expected}


def test_denied_requests_change_nothing(world: World) -> None:
    before, events = world.state(), Counter(world.events())
    asked = [request for request in ALL if request.expected in REFUSALS]
    about_a_user = [name for name, sent in world.sent("auditor").items() if sent.args[:1] in [("jdoe",), ("jdoe-idle",)]]
    forged = [request for request in asked if request[:2] == ("POST", "auditor") and request.name in about_a_user]
    asked += [request._replace(target=target) for request in forged for target in RESERVED]
    got = {request: world.ask(request) for request in asked}
    assert wrong(got) == {}

    # Not even the manager's forms are accepted without the token.
    mia = Client(enforce_csrf_checks=True, headers=OWN_PAGE)
    mia.cookies = world.clients["manager"].cookies
    without_token = [request for request in ALL if request[:2] == ("POST", "manager") and request.expected not in REFUSALS]
    assert [request.name for request in without_token if world.ask(request, mia) != "403"] == []

    assert world.state() == before
    written = Counter(world.events()) - events
    assert {action for action, _, outcome in written if outcome == "success"} == {"session-expire"}
    refused = Counter(actor for action, actor, _ in written.elements() if action == "access-denied")
    by_view = Counter(KINDS[request.kind][0] for request, answer in got.items() if answer == "403")
    assert refused == by_view + Counter(mia=len(without_token)), "each refusal is in the trail"


def test_allowed_requests_get_the_expected_status(world: World) -> None:
    asked = [request for request in ALL if request.expected not in REFUSALS]
    before = world.state()
    got = {request: world.ask(request) for request in asked if request.method == "GET"}
    assert world.state() == before, "a GET changes nothing"

    for request in [request for request in asked if request.method == "POST"]:
        writes = world.node.writes()
        got[request] = world.ask(request)
        if request.kind != "manager" and request.name not in OWN:
            assert world.node.writes() == writes, f"only a manager changes users: {request}"
    assert wrong(got) == {}


def test_every_page_has_a_current_entry_in_the_navigation(world: World) -> None:
    """Except the search, which is about all of them."""
    opened = [name for name in EXPECTED if EXPECTED[name]["GET", "manager"] == "200"]
    mia, sent, current = world.client("manager"), world.sent("manager"), {}
    for name in opened:
        url = reverse(name, args=sent.get(name, Sent()).args) + sent.get(name, Sent()).query
        page = mia.get(url).getvalue().decode(errors="replace")
        if navigation := re.search(r'<nav class="navigation".*?</nav>', page, re.DOTALL):
            current[name] = re.findall(r'href="/([a-z-]*)/?" aria-current="page"', navigation[0])
    assert [name for name, entries in current.items() if len(entries) != 1] == ["search"]
    assert {name: current[name][0] for name in ("damaged_discard", "compare", "api_key_print")} == {
        "damaged_discard": "reviews",
        "compare": "findings",
        "api_key_print": "access",
    }
    assert "aria-current" in mia.get("/damaged/discard/jobs").content.decode().partition("</nav>")[0]


def test_other_sites_export_nothing(world: World) -> None:
    """Another site can have the browser of a signed-in user open every URL, also by way of the sign-in page."""
    sent, mia = world.sent("manager"), world.client("manager")
    opened = [name for name in EXPECTED if EXPECTED[name]["GET", "manager"] == "200" and name not in WITHOUT_DATA]
    urls = {name: reverse(name, args=sent.get(name, Sent()).args) + sent.get(name, Sent()).query for name in opened}
    before = Counter(world.events())
    answers = {name: mia.get(url, headers={"Sec-Fetch-Site": "cross-site"}) for name, url in urls.items()}
    assert [name for name, answer in answers.items() if "Content-Disposition" in answer.headers] == []
    assert Counter(world.events()) == before
    assert [name for name, answer in answers.items() if answer.status_code not in (200, 403)] == []

    asked = {name: answer.content.decode() for name, answer in answers.items() if answer.status_code == 403}
    late = Client(headers=OWN_PAGE)
    for name in asked:
        answer = late.post("/login", {"username": "mia", "password": PASSWORD, "next": urls[name]})
        assert "Start the export?" in answer.content.decode(), name
    # A sign-in also records the sessions of other tests that have expired meanwhile.
    assert {action for action, _, _ in Counter(world.events()) - before} - {"session-expire"} == {"sign-in"}

    for name, page in asked.items():
        (action,) = re.findall(r'<form method="post" action="([^"]+)" class="empty', page)
        assert told(mia.post(html.unescape(action)), "manager") == "200", name
    assert "export" in {action for action, _, _ in Counter(world.events()) - before}
