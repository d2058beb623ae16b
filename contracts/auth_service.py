"""What is kept for the auth service at /auth/v1, which is not there yet.

Owns the settings of Supabase's auth service that say how often, how long and in which words, and
turn nothing on: they bind nobody until there is one, are given back as they were written, and take
effect with it. A realm's own pages know nothing of them. What would turn something on that is not
there is never kept (contracts/auth_config.py). Must not know a realm.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StrictBool

from contracts.settings import Settings

_INT32_MAX = 2**31 - 1
_INT16_MAX = 2**15 - 1
TEXT_LENGTH_MAX = 1000

Limit = Annotated[int, Field(strict=True, ge=1, le=_INT32_MAX)]
Count = Annotated[int, Field(strict=True, ge=0, le=_INT32_MAX)]
SmallCount = Annotated[int, Field(strict=True, ge=0, le=_INT16_MAX)]
# A registry's JSON holds no NUL.
Text = Annotated[str, Field(max_length=TEXT_LENGTH_MAX, pattern=r"^[^\u0000]*$")]


class AuthServiceSettings(Settings):
    """Kept for the auth service that is to come, in Supabase's words."""

    rate_limit_anonymous_users: Limit | None = None
    """Anonymous sign-ins from one address in an hour: takes effect when there are such."""
    rate_limit_email_sent: Limit | None = None
    """Mails in an hour: takes effect when mails are sent."""
    rate_limit_otp: Limit | None = None
    """Sign-ins and sign-ups from one address in five minutes: takes effect with the auth service;
    the pages of the realm are not limited by it."""
    rate_limit_sms_sent: Limit | None = None
    """Text messages in an hour: takes effect when any are sent."""
    rate_limit_token_refresh: Limit | None = None
    """Refreshes from one address in five minutes: takes effect with the auth service."""
    rate_limit_verify: Limit | None = None
    """Verified codes and links from one address in five minutes: takes effect when any are sent."""
    rate_limit_web3: Limit | None = None
    """Sign-ins by a wallet from one address in five minutes: takes effect when there are such."""
    security_refresh_token_reuse_interval: Count | None = None
    """For how many seconds a used refresh token is taken again: takes effect with the auth service;
    where each is good once, the realm refuses a used one at once."""
    mailer_otp_exp: Count | None = None
    """How many seconds the codes and links in mails are good: takes effect when mails are sent."""
    mailer_otp_length: Annotated[int, Field(strict=True, ge=6, le=10)] | None = None
    """How long the codes in mails are: takes effect when mails are sent."""
    mailer_secure_email_change_enabled: StrictBool | None = None
    """A new address is confirmed at the one before too: takes effect when mails are sent; the pages
    of the realm ask for no confirmation."""
    smtp_max_frequency: SmallCount | None = None
    """Seconds between two mails to one person: takes effect when mails are sent."""
    sms_autoconfirm: StrictBool | None = None
    """A telephone number counts as confirmed: takes effect when users have one."""
    sms_max_frequency: SmallCount | None = None
    """Seconds between two messages to one person: takes effect when any are sent."""
    sms_otp_exp: Count | None = None
    """How many seconds the codes in messages are good: takes effect when any are sent."""
    sms_otp_length: SmallCount | None = None
    """How long the codes in messages are: takes effect when any are sent."""
    sms_template: Text | None = None
    """The words around a code in a message: takes effect when any are sent."""
    mfa_max_enrolled_factors: Count | None = None
    """How many second factors one person has at most: takes effect when there are such."""
    mfa_phone_max_frequency: SmallCount | None = None
    """Seconds between two messages for a second factor: takes effect when there are such."""
    mfa_phone_otp_length: SmallCount | None = None
    """How long the codes for a second factor are: takes effect when there are such."""
    mfa_phone_template: Text | None = None
    """The words around a code for a second factor: takes effect when there are such."""


# What is told where nothing is kept, for which Supabase's clients take no null.
TOLD_OF_NOTHING: Mapping[str, bool | int] = {
    "mailer_otp_exp": 0,
    "mailer_secure_email_change_enabled": False,
    "mfa_phone_otp_length": 0,
    "sms_autoconfirm": False,
    "sms_otp_length": 0,
}
