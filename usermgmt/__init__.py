"""The Django project: settings, root URLs, logging, and what gunicorn serves."""
