"""Exports: all users of a list, in its order, with what an auditor asks about each.

    listing = exports.Listing(client, query)
    for row in listing: …
    listing.completeness(sha256)      # once every row has been read

`rows(client, query)` gives the rows alone, `write(client, query, FORMATS["csv"])` a file, and `read(file)` the content of one.
`write_table(client, Table(…), FORMATS["csv"])` gives a file with other rows, such as API keys.
"""

from accounts.services.exports.completeness import CompletenessManifest as CompletenessManifest
from accounts.services.exports.formats import FORMATS as FORMATS
from accounts.services.exports.formats import Format as Format
from accounts.services.exports.listing import Listing as Listing
from accounts.services.exports.listing import rows as rows
from accounts.services.exports.reading import Export as Export
from accounts.services.exports.reading import InvalidExport as InvalidExport
from accounts.services.exports.reading import invalid_if_damaged as invalid_if_damaged
from accounts.services.exports.reading import read as read
from accounts.services.exports.reading import verify as verify
from accounts.services.exports.rows import COLUMNS as COLUMNS
from accounts.services.exports.rows import NO_INFORMATION as NO_INFORMATION
from accounts.services.exports.rows import Row as Row
from accounts.services.exports.tables import Table as Table
from accounts.services.exports.writing import MAX_PRINTED as MAX_PRINTED
from accounts.services.exports.writing import Chunk as Chunk
from accounts.services.exports.writing import print_table as print_table
from accounts.services.exports.writing import printed as printed
from accounts.services.exports.writing import write as write
from accounts.services.exports.writing import write_table as write_table
