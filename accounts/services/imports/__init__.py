"""Files with users to create or change: CSV, NDJSON, and XLSX, as our exports, Excel, and LibreOffice write them.

Every line is checked, and nothing is read from or written to the cluster.
"""

from accounts.services.imports.files import FORMATS as FORMATS
from accounts.services.imports.files import MAX_FILE_SIZE as MAX_FILE_SIZE
from accounts.services.imports.files import MAX_USERS as MAX_USERS
from accounts.services.imports.files import UnreadableFile as UnreadableFile
from accounts.services.imports.lines import Contents as Contents
from accounts.services.imports.lines import Line as Line
from accounts.services.imports.lines import Problem as Problem
from accounts.services.imports.lines import read as read
from accounts.services.imports.template import TEMPLATES as TEMPLATES
from accounts.services.imports.template import template as template
