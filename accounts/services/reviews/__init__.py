"""Access reviews: a snapshot of users, API keys, or role mappings, a decision about each, the sign-off, and what was done then.

A review is a document of `usermgmt-reviews`, each of its items another one. Its states are snapshotting -> open -> signing ->
signed; a signed review can't be changed, and the hash of its decisions is in the audit trail. Until then it can be canceled.
"""

from accounts.services.reviews.cancellation import cancel as cancel
from accounts.services.reviews.decisions import decide as decide
from accounts.services.reviews.records import DECISIONS as DECISIONS
from accounts.services.reviews.records import PENDING as PENDING
from accounts.services.reviews.records import DecisionRecord as DecisionRecord
from accounts.services.reviews.records import Item as Item
from accounts.services.reviews.records import JobProgress as JobProgress
from accounts.services.reviews.records import Review as Review
from accounts.services.reviews.remediation import Outcome as Outcome
from accounts.services.reviews.remediation import apply_removals as apply_removals
from accounts.services.reviews.remediation import digest as digest
from accounts.services.reviews.remediation import outcomes as outcomes
from accounts.services.reviews.remediation import outcomes_by_decision as outcomes_by_decision
from accounts.services.reviews.remediation import remaining as remaining
from accounts.services.reviews.remediation import to_remove as to_remove
from accounts.services.reviews.sign_off import begin_sign_off as begin_sign_off
from accounts.services.reviews.sign_off import is_signer as is_signer
from accounts.services.reviews.sign_off import lock_decisions as lock_decisions
from accounts.services.reviews.sign_off import verify as verify
from accounts.services.reviews.snapshot import create_snapshot as create_snapshot
from accounts.services.reviews.snapshot import start as start
from accounts.services.reviews.store import ItemQuery as ItemQuery
from accounts.services.reviews.store import Progress as Progress
from accounts.services.reviews.store import all_items as all_items
from accounts.services.reviews.store import all_reviews as all_reviews
from accounts.services.reviews.store import count_items as count_items
from accounts.services.reviews.store import damaged_items as damaged_items
from accounts.services.reviews.store import delete as delete
from accounts.services.reviews.store import delete_items as delete_items
from accounts.services.reviews.store import deleted_with_items as deleted_with_items
from accounts.services.reviews.store import ended_before as ended_before
from accounts.services.reviews.store import get as get
from accounts.services.reviews.store import get_with_items as get_with_items
from accounts.services.reviews.store import items as items
from accounts.services.reviews.store import items_and_damaged as items_and_damaged
from accounts.services.reviews.store import progress as progress
from accounts.services.reviews.store import refresh as refresh
from accounts.services.reviews.store import reviews_and_damaged as reviews_and_damaged
from accounts.services.reviews.subjects import SUBJECTS as SUBJECTS
from accounts.services.reviews.subjects import Current as Current
from accounts.services.reviews.subjects import Decision as Decision
from accounts.services.reviews.subjects import KeyFilter as KeyFilter
from accounts.services.reviews.subjects import MappingFilter as MappingFilter
from accounts.services.reviews.subjects import Removal as Removal
from accounts.services.reviews.subjects import Subject as Subject
