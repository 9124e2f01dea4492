"""The list of users with what an auditor asks about each, as it is shown: all that match, in its order.

    listing = exports.Listing(connection, query)
    for row in listing: …
    listing.completeness(sha256)      # once every row has been read

`rows(connection, query)` for the rows alone.
"""

from accounts.services.exports.completeness import Completeness as Completeness
from accounts.services.exports.listing import Listing as Listing
from accounts.services.exports.listing import rows as rows
from accounts.services.exports.rows import COLUMNS as COLUMNS
from accounts.services.exports.rows import NO_INFORMATION as NO_INFORMATION
from accounts.services.exports.rows import Row as Row
