"""The worker's messenger: takes what is promised to webhooks and delivers it, signed.

Owns attempts, pauses and what counts as taken (a 2xx within the timeout). At least once: a receiver
recognizes repeated deliveries by their id. Must not know which events there are.

A receiver's address was typed by a tenant. The name is looked up once, all its addresses must be
public (except that an operator's webhook may lead anywhere), and the connection goes to the very
address that was checked: a name that resolves differently a moment later gains nothing. Redirects
are not followed, no proxy is used, and only the status of the answer is read.
"""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx2 as httpx
import psycopg

from automation.context import Context
from automation.encryption.keyring import Keyring
from automation.registry import webhook_secrets
from automation.registry import webhooks as rows
from automation.registry.webhooks import DeliveryRow, WebhookRow
from automation.webhooks import secret_name
from contracts.errors import PlatformError
from contracts.texts import first_line
from contracts.webhooks import may_be_told, payload, sign

# After each attempt that failed; then it is given up: about 27 hours after the first.
PAUSES_S = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0)
ATTEMPTS_MAX = len(PAUSES_S)
ANSWER_TIMEOUT_S = 10.0
TOTAL_TIMEOUT_S = 20.0
POLL_INTERVAL_S = 1.0
RETRY_PAUSE_S = 5.0
AT_ONCE_MAX = 8
KEPT_DAYS = 30
PRUNE_INTERVAL_S = 3600.0

Lookup = Callable[[str, int], list[str]]

log = logging.getLogger(__name__)


class Refused(Exception):
    """The delivery was not even tried; the text is shown."""


@contextmanager
def delivering(ctx: Context, keyring: Keyring) -> Iterator[None]:
    """While the block runs, a thread delivers."""
    stop = threading.Event()
    thread = threading.Thread(
        target=_deliver_until, args=(stop, ctx, keyring), name="webhooks", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=ANSWER_TIMEOUT_S)


def deliver_due(ctx: Context, keyring: Keyring, pool: ThreadPoolExecutor) -> int:
    """Try everything that is due, at most AT_ONCE_MAX; returns how many that was."""
    with ctx.transaction() as conn:
        due = rows.take_due(conn, limit=AT_ONCE_MAX, pauses_s=PAUSES_S)
    list(pool.map(lambda delivery: _deliver(ctx, keyring, delivery), due))
    return len(due)


def addresses_of(host: str, port: int) -> list[str]:
    """Every address of a name, as the system knows them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


def post(
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    may_be_private: bool,
    lookup: Lookup = addresses_of,
) -> int:
    """The status that the receiver answered with. Raises Refused, OSError or httpx.HTTPError."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = lookup(host, port)
    if not addresses:
        raise Refused("its name has no address")
    if not may_be_private and not all(may_be_told(address) for address in addresses):
        raise Refused("its name leads to a private address")
    target = httpx.URL(url).copy_with(host=addresses[0], port=port)
    with (
        httpx.Client(trust_env=False, timeout=ANSWER_TIMEOUT_S, follow_redirects=False) as client,
        _ended_after(TOTAL_TIMEOUT_S, client),
        client.stream(
            "POST",
            target,
            content=body,
            headers={**headers, "Host": parts.netloc},
            # The certificate is checked against the name, not the address.
            extensions={"sni_hostname": host},
        ) as answer,
    ):
        return int(answer.status_code)


@contextmanager
def _ended_after(timeout_s: float, client: httpx.Client) -> Iterator[None]:
    """The client's own timeout restarts with each byte: one at a time would hold us for ever."""
    timer = threading.Timer(timeout_s, client.close)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _deliver(ctx: Context, keyring: Keyring, delivery: DeliveryRow) -> None:
    with ctx.transaction() as conn:
        webhook = rows.find(conn, delivery.webhook_id)
    if webhook is None:
        return  # removed meanwhile, and the delivery with it
    body = _body(delivery)
    try:
        status = post(
            webhook.url,
            body,
            _headers(ctx, keyring, webhook, delivery, body),
            may_be_private=webhook.may_be_private,
        )
    except Refused as error:
        taken, answer = False, str(error)
    except (OSError, httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        # Only its kind: the text of an error could reveal what the platform can reach.
        taken, answer = False, type(error).__name__
    else:
        taken, answer = 200 <= status < 300, f"status {status}"
    with ctx.transaction() as conn:
        if taken:
            rows.mark_delivered(conn, delivery.id, answer)
        else:
            rows.mark_attempt(conn, delivery.id, answer, attempts_max=ATTEMPTS_MAX)


def _body(delivery: DeliveryRow) -> bytes:
    """The same bytes at each attempt."""
    message = payload(delivery.event, delivery.created_at, delivery.data)
    return json.dumps(message, separators=(",", ":"), sort_keys=True).encode()


def _headers(
    ctx: Context, keyring: Keyring, webhook: WebhookRow, delivery: DeliveryRow, body: bytes
) -> dict[str, str]:
    now, message_id = int(time.time()), str(delivery.id)
    with ctx.transaction() as conn:
        secrets = [
            keyring.open(conn, secret_name(webhook.id), row.sealed)
            for row in webhook_secrets.list_signing(conn, webhook.id)
        ]
    return {
        "Content-Type": "application/json",
        "User-Agent": "basecroft-webhooks",
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(sign(each, message_id, now, body) for each in secrets),
    }


def _deliver_until(stop: threading.Event, ctx: Context, keyring: Keyring) -> None:
    pruned_at = time.monotonic()
    with ThreadPoolExecutor(max_workers=AT_ONCE_MAX, thread_name_prefix="webhook") as pool:
        while not stop.is_set():
            try:
                if deliver_due(ctx, keyring, pool) == 0:
                    stop.wait(POLL_INTERVAL_S)
                if time.monotonic() - pruned_at > PRUNE_INTERVAL_S:
                    pruned_at = time.monotonic()
                    with ctx.transaction() as conn:
                        rows.prune(conn, older_than_days=KEPT_DAYS)
                        webhook_secrets.prune(conn)
            except (PlatformError, psycopg.Error) as error:
                # The registry is away or a secret does not open: what was taken comes up again.
                log.warning("webhooks wait: %s", first_line(error))
                stop.wait(RETRY_PAUSE_S)
