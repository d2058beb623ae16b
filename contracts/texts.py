"""What a text may hold where it goes on to: PostgreSQL, JSON, a process, one line of a log.

Must not know what a text is for.
"""

import re

# What Python's strings hold and those of the others do not: NUL, and halves of a surrogate pair.
NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def first_line(error: Exception) -> str:
    """Of its message, or its name where it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]
