"""Every page. The verb stands before the name, so that no user's name can be mistaken for a verb."""

from django.urls import path, register_converter

from accounts.converters import RoleConverter, UsernameConverter
from accounts.views import (
    access,
    account,
    api_keys,
    audit,
    confirmations,
    exports,
    home,
    login,
    passwords,
    roles,
    search,
    sessions,
    user_list,
    users,
)

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
    path("account/sessions", sessions.own, name="account_sessions"),
    path("account/sessions/end/<str:session_id>", sessions.end_own, name="account_session_end"),
    path("account/sessions/end-others", sessions.end_others, name="account_sessions_end"),
    path("account/extend-session", sessions.extend, name="session_extend"),
    path("sessions/", sessions.index, name="sessions"),
    path("sessions/end/<str:session_id>", sessions.end, name="session_end"),
    path("sessions/end-all", sessions.end_all, name="sessions_end"),
    path("account/api-keys", api_keys.own, name="account_api_keys"),
    path("account/revoke-api-keys", api_keys.revoke_own, name="account_revoke_api_keys"),
    path("passwords/strength", passwords.strength, name="password_strength"),
    path("users/", user_list.index, name="users"),
    path("users/filters", user_list.filters, name="user_filters"),
    path("users/kibana-sign-ins", user_list.kibana_sign_ins, name="kibana_sign_ins"),
    path("users/export", exports.export, name="user_export"),
    path("users/print", exports.printable, name="user_print"),
    path("users/create", users.create, name="user_create"),
    path("users/edit/<username:username>", users.edit, name="user_edit"),
    path("users/access/<username:username>", access.access, name="user_access"),
    path("users/history/<username:username>", audit.history, name="user_history"),
    path("users/change-password/<username:username>", passwords.change, name="user_change_password"),
    path("users/revoke-api-keys/<username:username>", api_keys.revoke, name="user_revoke_api_keys"),
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
