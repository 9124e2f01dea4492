"""The application that gunicorn serves: wsgi.py in threads."""

from django.conf import settings

from usermgmt.threaded_wsgi import ThreadedApplication
from usermgmt.wsgi import application as wsgi_application

application = ThreadedApplication(wsgi_application, threads=settings.WEB_THREADS, largest_body=settings.LARGEST_REQUEST)
