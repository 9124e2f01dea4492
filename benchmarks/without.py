"""The ASGI application of usermgmt with one trick turned off: TRICKS[BENCHMARK_WITHOUT]."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usermgmt.settings")

from benchmarks.tricks import TRICKS
from usermgmt.asgi import application as application

TRICKS[int(os.environ["BENCHMARK_WITHOUT"])].after()
