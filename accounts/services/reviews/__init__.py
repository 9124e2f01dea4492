"""Access reviews: a frozen list of users, what reviewers decide about each, the sign-off, and what became of it.

A review is a document of `usermgmt-reviews`, each of its items another one. It goes freezing -> open -> signing -> signed; nothing
of a signed one can be changed, and the hash of its decisions stands in the audit trail.
"""

from accounts.services.reviews.freezing import freeze as freeze
from accounts.services.reviews.freezing import start as start
from accounts.services.reviews.marking import mark as mark
from accounts.services.reviews.records import DECISIONS as DECISIONS
from accounts.services.reviews.records import Decision as Decision
from accounts.services.reviews.records import Item as Item
from accounts.services.reviews.records import Mark as Mark
from accounts.services.reviews.records import Review as Review
from accounts.services.reviews.records import Work as Work
from accounts.services.reviews.removals import Outcome as Outcome
from accounts.services.reviews.removals import carry_out as carry_out
from accounts.services.reviews.removals import left as left
from accounts.services.reviews.removals import marked as marked
from accounts.services.reviews.removals import outcomes as outcomes
from accounts.services.reviews.signing import begin_sign_off as begin_sign_off
from accounts.services.reviews.signing import check as check
from accounts.services.reviews.signing import seal as seal
from accounts.services.reviews.store import ItemQuery as ItemQuery
from accounts.services.reviews.store import Progress as Progress
from accounts.services.reviews.store import all_items as all_items
from accounts.services.reviews.store import all_reviews as all_reviews
from accounts.services.reviews.store import get as get
from accounts.services.reviews.store import get_with_items as get_with_items
from accounts.services.reviews.store import items as items
from accounts.services.reviews.store import progress as progress
from accounts.services.reviews.store import refresh as refresh
