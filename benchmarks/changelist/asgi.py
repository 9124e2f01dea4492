"""What gunicorn serves: the changelist in as many threads as the product has."""

from django.core.wsgi import get_wsgi_application

from usermgmt.threaded_wsgi import ThreadedApplication

application = ThreadedApplication(get_wsgi_application(), threads=16, largest_body=101 << 20)
