"""The API's side of the key service: one function per request.

Owns which worker is asked, and what a worker's death in the middle of a request means. Must not
know a key, nor how anything is decrypted.

Any worker will do. The socket of a dead one refuses, so the next is asked; a request that may run
twice is sent to another when the first one dies over it.
"""

import json
import random
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from automation.actors import Actor
from automation.context import Context
from contracts.encryption import Encryption
from contracts.errors import BackendDown, from_fields
from contracts.home import Home
from contracts.logs import LogLine
from contracts.plans import Checkpoint, Update

ANSWER_BYTES_MAX = 64 * 1024 * 1024
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 20.0
# The worker ends a query before that.
QUERY_TIMEOUT_S = 75.0

M = TypeVar("M", bound=BaseModel)


def reveal(
    home: Home, actor: Actor, ref: str, names: Collection[str], *, environment: bool = False
) -> dict[str, str]:
    """Some of the project's secrets in clear, by name (see requests.REVEALED); audited. With
    `environment` also all that its users set, under keys.ENV_PREFIX."""
    arguments = {"names": sorted(names), "environment": environment}
    found: dict[str, str] = _ask(home, actor, ref, "reveal", arguments)
    return found


def query(
    home: Home,
    actor: Actor,
    ref: str,
    sql: str,
    *,
    read_only: bool,
    parameters: Sequence[Any] = (),
) -> list[dict[str, Any]]:
    """The rows of the last statement of `sql`, run on the project's database as the project's own
    login: what it may not do is refused by PostgreSQL. Values are JSON's, and text for the rest.
    Audited, without its text. Raises QueryFailed with the server's words, TimedOut.
    """
    arguments = {"sql": sql, "read_only": read_only, "parameters": list(parameters)}
    rows: list[dict[str, Any]] = _ask(
        home, actor, ref, "query", arguments, timeout_s=QUERY_TIMEOUT_S, may_repeat=read_only
    )
    return rows


def answer(home: Home, actor: Actor, key: str) -> str:
    """The body of the answer to the actor's request with that idempotency key."""
    body: str = _ask(home, actor, "", "answer", {"key": key})
    return body


def encryption(home: Home, actor: Actor) -> Encryption:
    """How far the stored records have followed the newest keys; for operators."""
    return Encryption.model_validate(_ask(home, actor, "", "encryption", {}))


def rotate_root(home: Home, actor: Actor) -> Encryption:
    """Audited, like the next one. Either may happen twice if a worker dies: that costs a key."""
    return Encryption.model_validate(_ask(home, actor, "", "rotate_root", {}))


def rotate_platform(home: Home, actor: Actor) -> Encryption:
    return Encryption.model_validate(_ask(home, actor, "", "rotate_platform", {}))


def first_login(home: Home, actor: Actor) -> None:
    """Record in the registry which member the actor's login is. Raises Forbidden."""
    _ask(home, actor, "", "first_login", {})


def change(
    ctx: Context,
    actor: Actor,
    route: str,
    answer: type[M],
    path: Mapping[str, str] = {},
    body: BaseModel | None = None,
) -> M:
    """What a route of access_changes.CHANGES answers: the worker does it, in a transaction of its
    own. Audited."""
    arguments = {
        "path": dict(path),
        "body": None if body is None else body.model_dump(mode="json"),
        "repeatable": None if ctx.repeatable is None else vars(ctx.repeatable),
    }
    found = _ask(ctx.settings.home, actor, "", route, arguments, may_repeat=False)
    return answer.model_validate(found)


def history(home: Home, actor: Actor, ref: str) -> list[Update]:
    return TypeAdapter(list[Update]).validate_python(_ask(home, actor, ref, "history", {}))


def export(home: Home, actor: Actor, ref: str, *, show_secrets: bool) -> Checkpoint:
    """The stack's state; secrets in it stay encrypted unless they are to be shown, and audited."""
    arguments = {"show_secrets": show_secrets}
    return Checkpoint.model_validate(_ask(home, actor, ref, "export", arguments))


def logs(home: Home, actor: Actor, ref: str, start: datetime, end: datetime) -> list[LogLine]:
    """What servers wrote about the project between `start` and `end`."""
    arguments = {"start": start.isoformat(), "end": end.isoformat()}
    return TypeAdapter(list[LogLine]).validate_python(_ask(home, actor, ref, "logs", arguments))


def _ask(
    home: Home,
    actor: Actor,
    ref: str,
    request: str,
    arguments: dict[str, Any],
    *,
    timeout_s: float = ANSWER_TIMEOUT_S,
    may_repeat: bool = True,
) -> Any:
    line = json.dumps(
        {
            "request": request,
            "bearer": actor.bearer,
            "address": actor.address,
            "request_id": actor.request_id,
            "ref": ref,
            "arguments": arguments,
        }
    )
    for conn in _workers(home):
        with conn:
            answer = _answer(conn, line.encode() + b"\n", timeout_s=timeout_s)
        if answer is not None and "error" in answer:
            raise from_fields(answer["error"])
        if answer is not None:
            return answer["value"]
        if not may_repeat:
            raise BackendDown(
                "the worker ended in the middle of it: whether it was done is not known",
                code="worker_lost",
                fix="look at what you changed before you ask again",
            )
    raise BackendDown(
        "no worker answers, and only workers open secrets and change who may do what",
        code="key_service_down",
        fix="see: croft status",
    )


def _workers(home: Home) -> Iterator[socket.socket]:
    """A connection to each live worker, in random order, for the caller to close."""
    paths = sorted(home.run.glob(home.key_socket("*").name))
    random.shuffle(paths)
    for path in paths:
        conn = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            conn.settimeout(CONNECT_TIMEOUT_S)
            conn.connect(str(path))
        except OSError:  # it died, and nobody has taken its slot yet
            conn.close()
        else:
            yield conn


def _answer(conn: socket.socket, line: bytes, *, timeout_s: float) -> dict[str, Any] | None:
    """None when the worker died or hangs."""
    conn.settimeout(timeout_s)
    try:
        conn.sendall(line)
        with conn.makefile("rb") as answers:
            answer = answers.readline(ANSWER_BYTES_MAX)
    except OSError:
        return None
    if not answer.endswith(b"\n"):
        return None
    found: dict[str, Any] = json.loads(answer)
    return found
