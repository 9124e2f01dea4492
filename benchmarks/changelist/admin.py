"""The admin of users, with the changelist that is compared."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from benchmarks.changelist.models import Person

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Person]
else:
    ModelAdmin = admin.ModelAdmin


@admin.register(Person)
class PersonAdmin(ModelAdmin):
    """Shows, searches, and filters like the user list of usermgmt, with 20 users per page."""

    list_display = ["username", "full_name", "email", "role_names", "is_active"]
    list_filter = ["is_active", "roles"]
    list_per_page = 20
    search_fields = ["username", "full_name", "email"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Person]:
        """The roles of all rows are loaded with one query."""
        return super().get_queryset(request).prefetch_related("roles")

    @admin.display(description="roles")
    def role_names(self, person: Person) -> str:
        return ", ".join(role.name for role in person.roles.all())
