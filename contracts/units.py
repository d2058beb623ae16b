"""Units: what the supervisor runs, and the words it is spoken to with.

Owns the wire form of the supervisor's socket: one JSON object per line, one answer per request,
over a unix socket that only the platform's user can open. Must not know Pulumi, tenants or which
servers exist. `call` is here, against the rule "no IO in contracts", because both a Pulumi provider
and the command line speak this protocol and may not import one another.

Requests
    {"op": "put", "unit": {Unit}, "start": true}   write the unit; (re)start it if it changed.
        With "credentials": {NAME: TEXT} each start of it is given these (local/credentials.py).
        They are kept in the supervisor's memory alone: one that takes over has none, and starts no
        unit that names some
    {"op": "remove", "name": N}                    stop it and forget it, its files included
    {"op": "start" | "stop" | "restart", "name": N}
    {"op": "list"}              {"ok": true, "units": [{UnitStatus}], "code": digest of its code}
    {"op": "get", "name": N}                       {"ok": true, "unit": {Unit}, "status": {...}}
    {"op": "shutdown"}                             stop every unit in reverse order, then leave
    {"op": "handover"}                             leave, the units run on; the next one adopts them
Answers
    {"ok": true, ...} or {"ok": false, "code": "unit_not_found", "message": "..."}
"""

import json
import socket
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import BackendDown

UNIT_NAME = r"^[a-z][a-z0-9-]{0,62}$"
ANSWER_BYTES_MAX = 16 * 1024 * 1024


class Health(BaseModel):
    """How the supervisor learns that a unit is ready: a TCP connect, an HTTP GET below 500, a
    connect to the unix socket at `path`, or a command that ends with 0. `port` is also looked at
    before a start: a stranger on it is named.

    A running unit is asked every `watch_interval_s`; when it has not answered `misses_max` times
    in a row it hangs, and is restarted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["none", "tcp", "http", "unix", "command"] = "none"
    port: int = 0
    path: str = "/"
    argv: list[str] = []
    start_timeout_s: float = 60.0
    watch_interval_s: float = Field(default=30.0, gt=0)
    misses_max: int = Field(default=3, gt=0)


class Unit(BaseModel):
    """One process. In `argv`, `env` values, the text of `files` and `cwd` these words are replaced:
    `{tools}` the toolbox, `{home}` CROFT_HOME, `{files}` the folder (0700) that holds the unit's
    `files` (0600 each)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=UNIT_NAME)
    argv: list[str] = Field(min_length=1)
    env: dict[str, str] = {}
    files: dict[str, str] = {}
    credentials: list[str] = []
    """What it must be given at each start, by name; without them it is not started."""
    cwd: str = "{home}"
    after: list[str] = []
    health: Health = Health()
    stop_signal: str = "SIGTERM"
    stop_timeout_s: float = 20.0
    autostart: bool = True


UnitState = Literal["stopped", "starting", "running", "backoff", "failed"]


class UnitStatus(BaseModel):
    """`state` is `running` only once the health check passed; `since` is unix seconds. `lacks`
    names the unit's credentials that this supervisor was not given: it cannot start it again."""

    name: str
    state: UnitState
    pid: int | None = None
    restarts: int = 0
    since: float = 0.0
    detail: str = ""
    lacks: list[str] = []


def call(path: Path, request: dict[str, Any], *, timeout_s: float = 90.0) -> dict[str, Any]:
    """Send one request to the supervisor at socket `path` and return its answer.

    Raises BackendDown (`supervisor_down`) when nobody listens, and with the answer's own code when
    the supervisor refuses.
    """
    fix = "start the platform with: croft up"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as conn:
            conn.settimeout(timeout_s)
            conn.connect(str(path))
            conn.sendall(json.dumps(request).encode() + b"\n")
            with conn.makefile("rb") as answers:
                line = answers.readline(ANSWER_BYTES_MAX)
    except OSError as error:
        message = f"the supervisor does not answer at {path}: {error}"
        raise BackendDown(message, code="supervisor_down", fix=fix) from error
    if not line:
        raise BackendDown("the supervisor hung up", code="supervisor_down", fix=fix)
    answer: dict[str, Any] = json.loads(line)
    if not answer.get("ok"):
        raise BackendDown(
            str(answer.get("message")), code=str(answer.get("code")), fix="see: croft status"
        )
    return answer
