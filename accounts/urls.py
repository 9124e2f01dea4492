"""Every page. The verb stands before the name, so that no user's name can be mistaken for a verb."""

from django.urls import path, register_converter

from accounts.converters import UsernameConverter
from accounts.views import account, confirmations, home, login, passwords, users

register_converter(UsernameConverter, "username")

urlpatterns = [
    path("", home.home, name="home"),
    path("login", login.login, name="login"),
    path("logout", login.logout, name="logout"),
    path("theme", home.theme, name="theme"),
    path("livez", home.livez, name="livez"),
    path("readyz", home.readyz, name="readyz"),
    path("account/", account.account, name="account"),
    path("account/change-password", passwords.change_own, name="account_change_password"),
    path("users/", users.index, name="users"),
    path("users/create", users.create, name="user_create"),
    path("users/edit/<username:username>", users.edit, name="user_edit"),
    path("users/change-password/<username:username>", passwords.change, name="user_change_password"),
    path("users/deactivate/<username:username>", confirmations.deactivate, name="user_deactivate"),
    path("users/activate/<username:username>", confirmations.activate, name="user_activate"),
    path("users/delete/<username:username>", confirmations.delete, name="user_delete"),
    path("users/delete", confirmations.delete_many, name="users_delete"),
]
