"""The application that gunicorn serves: wsgi.py in threads. Each of its processes imports this itself, after it was forked."""

from django.conf import settings

from usermgmt import tracing
from usermgmt.threaded_wsgi import ThreadedApplication
from usermgmt.wsgi import application as wsgi_application

application = ThreadedApplication(wsgi_application, threads=settings.WEB_THREADS, largest_body=settings.LARGEST_REQUEST)
tracing.start()
