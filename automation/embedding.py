"""The door for other Python services: a client of a control plane, found as `croft` finds it.

Owns `connect` and what it reads from the environment. Must not know what is asked of the client.
"""

import os

from automation.client import Client, client_at, client_for
from contracts.home import home_from


def connect(url: str = "", token: str = "") -> Client:
    """A client of the control plane at `url`; without arguments, of the one that CROFT_URL and
    CROFT_TOKEN name, or else of this machine's. Raises errors.Unauthorized without a token."""
    if url and token:
        return client_at(url, token)
    given = {name: value for name, value in (("CROFT_URL", url), ("CROFT_TOKEN", token)) if value}
    return client_for(home_from(os.environ, uid=os.getuid()), {**os.environ, **given})
