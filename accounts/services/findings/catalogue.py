"""Every finding: what it is called, why it matters, what to do about it, and what it cannot see."""

from dataclasses import dataclass
from typing import Final, Literal

Weight = Literal["act", "check"]  # something to mend; something that may be right, and has to be confirmed


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of finding. `noun`: what is counted. `roles`: the heading of the roles that a row names."""

    slug: str
    title: str
    weight: Weight
    why: str
    remedy: str
    blind: str
    noun: str = "user"
    roles: str = ""


CATALOGUE: Final = (
    Finding(
        "orphaned-keys",
        "API keys that outlive their owner",
        "act",
        "An API key goes on working after its owner is deactivated or deleted, with all the rights that the owner had when it was "
        "made. Nobody who looks at the list of users sees it.",
        "Ask who uses the key. Replace it by one of a user who is there, then revoke it. Activating the owner again is no remedy.",
        "Keys of users from other realms than native and reserved: whether those users still exist is not Elasticsearch's to know. "
        "A key whose owner was deleted and created again under the same name counts as owned.",
        noun="API key",
    ),
    Finding(
        "unknown-roles",
        "Users with roles that do not exist",
        "act",
        "Elasticsearch takes any role name without a word. It grants nothing now; if somebody creates a role of that name, these "
        "users hold at once what it grants.",
        "Take the role away from the users, or create the role that was meant.",
        "Roles that come from role mappings or from other realms.",
        roles="Do not exist",
    ),
    Finding(
        "deprecated",
        "Deprecated roles and users",
        "act",
        "Elasticsearch will remove them in a later version: whoever depends on them loses access then, when nobody expects it.",
        "Give the users the role that the reason names instead. Deactivate a deprecated user once nothing uses it any more.",
        "Whether something still depends on them.",
        roles="Deprecated roles",
    ),
    Finding(
        "unseen",
        "Active users not seen for 90 days",
        "act",
        "An account that nobody uses is an account that nobody watches. Leavers are among them.",
        "Ask the person or their manager; deactivate those that are not needed.",
        "Only sign-ins here and in Kibana are known. Programs that call Elasticsearch with a user's password are not, and before "
        "the audit trail begins nothing is known of sign-ins here. Built-in users are left out.",
    ),
    Finding(
        "no-email",
        "Administrators without an email address",
        "act",
        "Whoever can change users has to be reached when something is wrong, and has to be somebody: an address says who.",
        "Add the person's address. If it is a program's account, add the address of the team that owns it.",
        "Whether an address works. Built-in users cannot have one and are left out.",
        roles="Through",
    ),
    Finding(
        "shared-email",
        "One email address on several users",
        "act",
        "Either one person has several accounts, of which the second is easily forgotten, or an address is wrong.",
        "Keep one account for each person; deactivate the other, or correct its address.",
        "Several addresses of one person. Upper and lower case are the same.",
    ),
    Finding(
        "similar-names",
        "Names that differ only in case",
        "act",
        "User names are case-sensitive: Anna and anna are two users. Rights are given to the wrong one, and a name in a log is "
        "mistaken for the other.",
        "Keep one of them; delete the other after its owner has moved.",
        "Names that look alike in other ways.",
    ),
    Finding(
        "unknown-outcomes",
        "Changes whose outcome is unknown",
        "act",
        "The audit trail has what was to be done, but not what became of it: an answer was lost, or the server stopped then.",
        "Look at the user as they are now, and write down in the trail what you see.",
        "Changes that were made without this product. The newest 200 are shown.",
        noun="change",
    ),
    Finding(
        "managers",
        "Who can change users",
        "check",
        "They can give any right to anybody, themselves too. There should be few, and each should be known by name.",
        "Confirm each one. Take the role away from whoever does not need it.",
        "Users of other realms, who get roles through role mappings; API keys; roles that grant single actions which may add up.",
        roles="Through",
    ),
    Finding(
        "built-in",
        "Active built-in users",
        "check",
        "They are the same in every cluster, so their names are known to everybody, and they belong to no person.",
        "Deactivate those that nothing uses. Keep the password of elastic for emergencies, sealed.",
        "Whether a program uses them.",
    ),
)
BY_SLUG: Final = {finding.slug: finding for finding in CATALOGUE}
