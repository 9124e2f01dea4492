"""The ASGI application of usermgmt as one of VARIANTS: that with the number BENCHMARK_WITHOUT."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usermgmt.settings")

from benchmarks.tricks import VARIANTS
from usermgmt.asgi import application as application

VARIANTS[int(os.environ["BENCHMARK_WITHOUT"])].after()
