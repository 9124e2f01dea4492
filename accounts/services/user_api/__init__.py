"""Elasticsearch's user API for other programs: reads are passed on, changes follow the rules of the pages and are recorded.

The caller's own credentials go with every call, so the cluster decides, and nothing of them is kept.
"""

from accounts.services.user_api.caller import Caller as Caller
from accounts.services.user_api.caller import challenges as challenges
from accounts.services.user_api.changes import Change as Change
from accounts.services.user_api.changes import change_password as change_password
from accounts.services.user_api.changes import delete as delete
from accounts.services.user_api.changes import disable as disable
from accounts.services.user_api.changes import enable as enable
from accounts.services.user_api.changes import put as put
from accounts.services.user_api.conditions import Conditions as Conditions
from accounts.services.user_api.conditions import etag as etag
