"""The form of the “Who can” page."""

from collections.abc import Iterable
from typing import Any, Final

from django import forms

from accounts.services.roles import Role, cluster_privileges

ADMINISTRATOR: Final = "administrator"  # not a privilege


class WhoCanForm(forms.Form):
    """A cluster privilege: a known one, or one that a role of this cluster grants. Or ADMINISTRATOR."""

    privilege = forms.ChoiceField(
        label="Cluster privilege",
        error_messages={
            "required": "Choose a privilege.",
            "invalid_choice": "Unknown cluster privilege “%(value)s”.",
        },
        widget=forms.Select(attrs={"data-test-subj": "whoCanPrivilege"}),
    )
    after = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, roles: Iterable[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = {privilege.lower() for role in roles for privilege in role.cluster} - {"none"}
        privileges = sorted({*cluster_privileges.NAMES, *named}, key=lambda privilege: (":" in privilege, privilege))
        field: forms.ChoiceField = self.fields["privilege"]  # type: ignore[assignment]
        field.choices = [
            ("", "Choose a privilege"),
            (ADMINISTRATOR, "Become an administrator, in any way"),
            *((privilege, _label(privilege)) for privilege in privileges),
        ]


def _label(privilege: str) -> str:
    words = cluster_privileges.describe(privilege)
    return f"{privilege}: {words}" if words else privilege
