"""Sessions behind the clients of tests."""

from django.conf import settings as django_settings
from django.test import Client

from accounts.services.sessions import SessionStore

# What a browser sends when somebody uses a link or a form of our own pages.
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


def another_session(like: Client) -> Client:
    """A browser that is signed in as that one is, without asking the cluster about the password."""
    store = SessionStore()
    store.update(dict(store_of(like).items()))
    store.save()
    client = Client(headers=OWN_PAGE)
    client.cookies[django_settings.SESSION_COOKIE_NAME] = str(store.session_key)
    return client


def store_of(client: Client) -> SessionStore:
    return SessionStore(client.cookies[django_settings.SESSION_COOKIE_NAME].value)
