"""Exports the roles to a file, as the page does."""

from collections.abc import Generator

from django.http import QueryDict

from accounts.forms.search import SearchForm
from accounts.management.commands import export_users
from accounts.services import exports
from accounts.services.client import PersonClient
from accounts.services.exports import role_table


class Command(export_users.Command):
    help = (
        "Exports all or filtered roles to a file with a completeness manifest (see check_export). Uses the credentials of a user "
        "with read_security in ELASTICSEARCH_USERNAME (default: elastic) and ELASTICSEARCH_PASSWORD, or prompts for the password."
    )
    command, noun = "export_roles", "role"
    filter_help = "query string of the roles, for example 'q=kibana'; default: all roles"

    def chunks(self, client: PersonClient, filter: str, format: exports.Format) -> Generator[exports.Chunk, None, None]:
        return exports.write_table(client, role_table.table(client, SearchForm(QueryDict(filter)).query()), format)
