"""The product as gunicorn serves it, with one of `tricks` switched off: the number that BENCHMARK_WITHOUT has."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usermgmt.settings")

from benchmarks.tricks import TRICKS

_trick = TRICKS[int(os.environ["BENCHMARK_WITHOUT"])]
_trick.before()

from usermgmt.asgi import application as application  # noqa: E402

_trick.after()
