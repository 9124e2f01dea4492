"""Comparing two lists of users: who came, who went, whose roles, status or privileges changed, and by whom. Nothing is kept."""

from accounts.services.compare.attribution import attributed as attributed
from accounts.services.compare.differences import Comparison as Comparison
from accounts.services.compare.differences import Difference as Difference
from accounts.services.compare.differences import Entry as Entry
from accounts.services.compare.differences import compared as compared
from accounts.services.compare.exports import Exports as Exports
from accounts.services.compare.exports import of_exports as of_exports
from accounts.services.compare.exports import open_export as open_export
from accounts.services.compare.history import Past as Past
from accounts.services.compare.history import between as between
from accounts.services.compare.reviews import Reviews as Reviews
from accounts.services.compare.reviews import frozen as frozen
from accounts.services.compare.reviews import of_reviews as of_reviews
from accounts.services.compare.trail import TooMany as TooMany
