"""The ASGI application of the changelist, with as many threads as usermgmt."""

from django.core.wsgi import get_wsgi_application

from usermgmt.threaded_wsgi import ThreadedApplication

application = ThreadedApplication(get_wsgi_application(), threads=16, largest_body=101 << 20)
