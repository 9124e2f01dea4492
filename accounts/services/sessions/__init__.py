"""Sessions: Django's session engine on documents, and the list of active sessions."""

from accounts.services.sessions.active import Session as Session
from accounts.services.sessions.active import active_sessions as active_sessions
from accounts.services.sessions.active import count_by_native_user as count_by_native_user
from accounts.services.sessions.active import end as end
from accounts.services.sessions.active import enforce_limit as enforce_limit
from accounts.services.sessions.active import number_of_active as number_of_active
from accounts.services.sessions.active import own_sessions as own_sessions
from accounts.services.sessions.active import remove_expired as remove_expired
from accounts.services.sessions.active import sessions_of_native_user as sessions_of_native_user
from accounts.services.sessions.active import sessions_of_user as sessions_of_user
from accounts.services.sessions.store import SessionStore as SessionStore
from accounts.services.sessions.store import end_all as end_all
from accounts.services.sessions.store import ending_all as ending_all
from accounts.services.sessions.store import generation as generation
from accounts.services.sessions.store import seconds_left as seconds_left
