"""Every page. The verb stands before the name, so that no user's name can be mistaken for a verb."""

from django.urls import path, register_converter

from accounts.converters import RoleConverter, UsernameConverter
from accounts.views import access, account, audit, confirmations, home, login, passwords, roles, search, user_list, users

register_converter(UsernameConverter, "username")
register_converter(RoleConverter, "role")

urlpatterns = [
    path("", home.home, name="home"),
    path("login", login.login, name="login"),
    path("logout", login.logout, name="logout"),
    path("theme", home.theme, name="theme"),
    path("livez", home.livez, name="livez"),
    path("readyz", home.readyz, name="readyz"),
    path("search", search.search, name="search"),
    path("account/", account.account, name="account"),
    path("account/change-password", passwords.change_own, name="account_change_password"),
    path("users/", user_list.index, name="users"),
    path("users/filters", user_list.filters, name="user_filters"),
    path("users/create", users.create, name="user_create"),
    path("users/edit/<username:username>", users.edit, name="user_edit"),
    path("users/access/<username:username>", access.access, name="user_access"),
    path("users/history/<username:username>", audit.history, name="user_history"),
    path("users/change-password/<username:username>", passwords.change, name="user_change_password"),
    path("users/deactivate/<username:username>", confirmations.deactivate, name="user_deactivate"),
    path("users/activate/<username:username>", confirmations.activate, name="user_activate"),
    path("users/delete/<username:username>", confirmations.delete, name="user_delete"),
    path("users/delete", confirmations.delete_many, name="users_delete"),
    path("roles/", roles.index, name="roles"),
    path("roles/who-can", roles.who_can, name="who_can"),
    path("roles/view/<role:name>", roles.view, name="role"),
    path("audit/", audit.index, name="audit"),
    path("audit/event/<slug:event_id>", audit.event, name="audit_event"),
    path("audit/resolve/<slug:event_id>", audit.resolve, name="audit_resolve"),
]
