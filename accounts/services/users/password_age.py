"""How old the password of a user is. Elasticsearch doesn't know it, the audit trail knows the changes made with usermgmt."""

from datetime import datetime, timedelta
from typing import Final

from accounts.services.audit import UserActivity

YEAR: Final = timedelta(days=365)


def is_older(activity: UserActivity, limit: timedelta, now: datetime) -> bool:
    """Whether the last known change is longer ago."""
    return activity.password_changed is not None and now - activity.password_changed > limit


def may_be_older(activity: UserActivity, limit: timedelta, now: datetime) -> bool:
    """Whether there is no known change, and no earlier user of this name who was deleted since then, either."""
    return activity.password_changed is None and (activity.since is None or now - activity.since > limit)
