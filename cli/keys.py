"""`croft keys`: list, rotate, revoke, reveal: what opens a project.

Owns arguments and what is shown. Must not know how a key is replaced.
"""

import re
from typing import Annotated

import typer

from cli.confirmation import confirm
from cli.control_plane import open_client
from cli.options import (
    LinkedRefArgument,
    OutputOption,
    RefArgument,
    TimeoutOption,
    WaitOption,
    YesOption,
)
from cli.render import Output, print_view, print_views
from cli.waiting import TIMEOUT_S, settled
from contracts.errors import InvalidInput
from contracts.project_keys import OVERLAP_MAX_S, ROTATED_KINDS, ProjectKey

app = typer.Typer(
    help="A project's keys: JWT secret with the API keys, database and storage logins.",
    no_args_is_help=True,
)

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
COLUMNS = (
    "kind", "generation", "name", "status", "created_at", "last_used_at", "accepted_until",
)  # fmt: skip

KindOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help=f"May be repeated: {', '.join(ROTATED_KINDS)}; default: all.",
    ),
]


@app.command("list", epilog="Example: croft keys list yucdibezossamesxyyqh")
def list_(
    context: typer.Context, ref: LinkedRefArgument = "", output: OutputOption = Output.table
) -> None:
    """List the keys of a project: when each was last used, and until when older ones are accepted.

    The last use is exact to the minute, and `unknown` where no server reports it, as for storage.
    """
    with open_client(context) as client:
        found = client.keys(ref)
    print_views(found, output, columns=COLUMNS)
    for key in found:
        if key.status == "previously_used":
            typer.echo(f"{key.kind} {key.generation}: {_whether_needed(ref, key)}", err=True)


@app.command(epilog="Example: croft keys rotate yucdibezossamesxyyqh --overlap 2h")
def rotate(
    context: typer.Context,
    ref: RefArgument,
    kind: KindOption = None,
    overlap: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="How long the current keys stay valid: 90s, 30m, 24h, 7d."
        ),
    ] = "24h",
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Replace a project's keys. The current ones stay valid for a while beside the new ones.

    No request fails meanwhile. `api` is the JWT secret and the anon and service_role keys signed
    with it, `database` the login in db_url (its name changes too), `storage` the bucket's user.
    """
    overlap_s = _seconds(overlap)
    with open_client(context) as client:
        started = client.rotate_keys(ref, kind or ROTATED_KINDS, overlap_s=overlap_s)
        settled(client, started, wait=wait, timeout_s=timeout, output=output)
        print_views(client.keys(ref), output, columns=COLUMNS)


@app.command(epilog="Example: croft keys revoke yucdibezossamesxyyqh --yes")
def revoke(
    context: typer.Context,
    ref: RefArgument,
    kind: KindOption = None,
    yes: YesOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Revoke the older keys left by a rotation: they stop working at once."""
    confirm("Whoever still uses the older keys loses access.", typed=ref, yes=yes)
    with open_client(context) as client:
        started = client.revoke_keys(ref, kind or ROTATED_KINDS)
        settled(client, started, wait=wait, timeout_s=timeout, output=output)
        print_views(client.keys(ref), output, columns=COLUMNS)


@app.command(epilog="Example: croft keys reveal yucdibezossamesxyyqh -o env")
def reveal(
    context: typer.Context, ref: LinkedRefArgument = "", output: OutputOption = Output.table
) -> None:
    """Print the current keys in full. This is recorded in the audit log."""
    with open_client(context) as client:
        print_view(client.connection(ref), output)


def _whether_needed(ref: str, key: ProjectKey) -> str:
    """Of an older key."""
    if key.last_used_at == "unknown":
        return "it is not known whether it is still used"
    if key.last_used_at != "never" and key.last_used_at > key.updated_at:
        return "somebody used it after it was replaced"
    revoke = f"croft keys revoke {ref} --kind {key.kind}"
    free = f"not used since it was replaced, so it can go: {revoke}"
    if key.kind == "api":
        return f"{free} (tokens that it signed for people, which are not counted, end with it)"
    return free


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(\d{1,9})([smhd])", text, re.ASCII)
    seconds = int(match[1]) * _UNITS_S[match[2]] if match else OVERLAP_MAX_S + 1
    if seconds > OVERLAP_MAX_S:
        raise InvalidInput(
            f"{text!r} is not a valid overlap",
            code="overlap_invalid",
            fix="say 90s, 30m, 24h or 7d; at most 90d",
        )
    return seconds
