"""The audit trail: `usermgmt-audit-YYYY.MM`, to which the product's key can only add.

Every change is written down twice: its intent before it is done, its outcome after it (`recorded`). Where the intent cannot
be written the change is not done. What is no change (a sign-in, a refusal) is written down once (`note`).
"""

from accounts.services.audit.events import Event as Event
from accounts.services.audit.events import Outcome as Outcome
from accounts.services.audit.moments import Moments as Moments
from accounts.services.audit.moments import all_moments as all_moments
from accounts.services.audit.moments import begins as begins
from accounts.services.audit.moments import moments as moments
from accounts.services.audit.moments import moments_and_beginning as moments_and_beginning
from accounts.services.audit.occasions import command_run as command_run
from accounts.services.audit.occasions import refused as refused
from accounts.services.audit.occasions import sessions_expired as sessions_expired
from accounts.services.audit.occasions import sign_in_refused as sign_in_refused
from accounts.services.audit.occasions import signed_in as signed_in
from accounts.services.audit.occasions import signed_out as signed_out
from accounts.services.audit.queries import Query as Query
from accounts.services.audit.reading import Page as Page
from accounts.services.audit.reading import changes_of as changes_of
from accounts.services.audit.reading import get as get
from accounts.services.audit.reading import of_actor as of_actor
from accounts.services.audit.reading import of_target as of_target
from accounts.services.audit.reading import search as search
from accounts.services.audit.reading import successes as successes
from accounts.services.audit.writing import note as note
from accounts.services.audit.writing import recorded as recorded
from accounts.services.audit.writing import resolved as resolved
from accounts.services.origin import Actor as Actor
