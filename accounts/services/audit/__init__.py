"""The audit trail: `usermgmt-audit-YYYY.MM`, to which the API key of usermgmt can only add.

Every change is recorded twice: its intent before it is made, its outcome afterwards (`recorded`). A change whose intent can't be
recorded isn't made. What isn't a change, such as a sign-in or a denied request, is recorded once (`record_event`).
"""

from accounts.services.audit.actions import Action as Action
from accounts.services.audit.activity import UserActivity as UserActivity
from accounts.services.audit.activity import activity_and_trail_start as activity_and_trail_start
from accounts.services.audit.activity import activity_of as activity_of
from accounts.services.audit.activity import trail_start as trail_start
from accounts.services.audit.events import Changes as Changes
from accounts.services.audit.events import Event as Event
from accounts.services.audit.events import Outcome as Outcome
from accounts.services.audit.queries import Query as Query
from accounts.services.audit.reading import Page as Page
from accounts.services.audit.reading import applied_changes as applied_changes
from accounts.services.audit.reading import batches as batches
from accounts.services.audit.reading import changes_of as changes_of
from accounts.services.audit.reading import count as count
from accounts.services.audit.reading import count_without_failures as count_without_failures
from accounts.services.audit.reading import get as get
from accounts.services.audit.reading import of_requests as of_requests
from accounts.services.audit.reading import of_target as of_target
from accounts.services.audit.reading import search as search
from accounts.services.audit.security_events import INCORRECT_API_KEY as INCORRECT_API_KEY
from accounts.services.audit.security_events import knows_username as knows_username
from accounts.services.audit.security_events import record_access_denied as record_access_denied
from accounts.services.audit.security_events import record_command as record_command
from accounts.services.audit.security_events import record_expired_sessions as record_expired_sessions
from accounts.services.audit.security_events import record_failed_api_key as record_failed_api_key
from accounts.services.audit.security_events import record_failed_sign_in as record_failed_sign_in
from accounts.services.audit.security_events import record_sign_in as record_sign_in
from accounts.services.audit.security_events import record_sign_out as record_sign_out
from accounts.services.audit.writing import Operations as Operations
from accounts.services.audit.writing import record_event as record_event
from accounts.services.audit.writing import record_verification as record_verification
from accounts.services.audit.writing import recorded as recorded
from accounts.services.audit.writing import recorded_once as recorded_once
from accounts.services.audit.writing import require_new as require_new
from accounts.services.request_context import Actor as Actor
