"""How a person's file of settings is read.

Owns that nothing in it is guessed at or passed over. Must not know any setting.
"""

from pydantic import ConfigDict

from contracts.numbers import WithCounts


class Settings(WithCounts):
    # "yes" is no boolean and 3.5 no count: a file that says so is asked about, not guessed at.
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
