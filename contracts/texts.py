"""Characters that Python's strings hold and PostgreSQL's, JSON's and a process's do not.

Must not know what a text is for.
"""

import re

# NUL, and halves of a surrogate pair.
NO_TEXT = re.compile("[\x00\ud800-\udfff]")
