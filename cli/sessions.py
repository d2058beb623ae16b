"""Logins that are kept between commands, and renewed in time.

Owns when a login is renewed, and that the new one is kept. Must not know the realm's requests
(automation/login_client.py) nor the file (cli/preferences.py).
"""

import threading

from automation import login_client
from automation.client import Token
from cli.preferences import Preferences
from contracts.errors import Unauthorized


def token_of(preferences: Preferences, name: str) -> Token:
    """What to send for the credential of this name: an access token as it is, or that of a login,
    which lives a minute, at the moment of each request."""
    credential = preferences.credentials_by_name()[name]
    if isinstance(credential, str):
        return credential
    lock = threading.Lock()

    def token() -> str:
        with lock:
            # Read anew: another command may have renewed it, or logged out.
            kept = preferences.credentials_by_name()
            session = kept.get(name)
            if session is None:
                raise Unauthorized("logged out meanwhile", code="login_ended", fix="croft login")
            if isinstance(session, str):
                return session
            if not session.is_fresh:
                session = login_client.renew(session)
                preferences.save_credentials({**kept, name: session})
            return session.access_token

    return token
