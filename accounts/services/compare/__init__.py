"""Comparing two user lists: users added, removed, or changed, and by whom. Nothing is stored."""

from accounts.services.compare.attribution import with_actors as with_actors
from accounts.services.compare.differences import Comparison as Comparison
from accounts.services.compare.differences import Difference as Difference
from accounts.services.compare.differences import Entry as Entry
from accounts.services.compare.differences import compare as compare
from accounts.services.compare.exports import Exports as Exports
from accounts.services.compare.exports import of_exports as of_exports
from accounts.services.compare.exports import open_export as open_export
from accounts.services.compare.history import PointInTimeComparison as PointInTimeComparison
from accounts.services.compare.history import between as between
from accounts.services.compare.limits import TooLarge as TooLarge
from accounts.services.compare.reviews import Reviews as Reviews
from accounts.services.compare.reviews import of_reviews as of_reviews
from accounts.services.compare.reviews import with_snapshot as with_snapshot
from accounts.services.compare.trail import MAX_CHANGES as MAX_CHANGES
from accounts.services.compare.trail import TooManyChanges as TooManyChanges
