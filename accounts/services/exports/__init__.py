"""The list of users with what an auditor asks about each, as it is shown: all that match, in its order.

    listing = exports.Listing(connection, query)
    for row in listing: …
    listing.completeness(sha256)      # once every row has been read

`rows(connection, query)` for the rows alone; `write(connection, query, FORMATS["csv"])` for a file, and `read(file)` for what is
in one, if it is whole.
"""

from accounts.services.exports.completeness import Completeness as Completeness
from accounts.services.exports.formats import FORMATS as FORMATS
from accounts.services.exports.formats import Format as Format
from accounts.services.exports.listing import Listing as Listing
from accounts.services.exports.listing import rows as rows
from accounts.services.exports.reading import Export as Export
from accounts.services.exports.reading import NotWhole as NotWhole
from accounts.services.exports.reading import read as read
from accounts.services.exports.rows import COLUMNS as COLUMNS
from accounts.services.exports.rows import NO_INFORMATION as NO_INFORMATION
from accounts.services.exports.rows import Row as Row
from accounts.services.exports.writing import MOST_PRINTED as MOST_PRINTED
from accounts.services.exports.writing import Chunk as Chunk
from accounts.services.exports.writing import printed as printed
from accounts.services.exports.writing import write as write
