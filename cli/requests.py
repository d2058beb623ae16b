"""`croft api`: any request of the Management API, with the login that other commands use.

Owns how a body is given and an answer printed. Must not know any route.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.control_plane import open_client
from contracts.errors import InvalidInput

app = typer.Typer()

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@app.command(epilog="Example: croft api GET /v1/projects")
def api(
    context: typer.Context,
    method: Annotated[str, typer.Argument(metavar="METHOD", help=", ".join(METHODS))],
    path: Annotated[str, typer.Argument(metavar="PATH", help="For example /v1/projects?limit=5.")],
    data: Annotated[
        str,
        typer.Option(
            "--data", "-d", metavar="JSON", help="The body; @FILE from a file, - from stdin."
        ),
    ] = "",
) -> None:
    """Send one request to the Management API and print its answer. See openapi/management.json."""
    if method.upper() not in METHODS:
        raise InvalidInput(f"no method {method!r}", fix=f"there are {', '.join(METHODS)}")
    # Another host would be sent the token.
    if not path.startswith("/v1/"):
        raise InvalidInput("a path begins with /v1/", fix="see openapi/management.json")
    with open_client(context) as client:
        answer = client.request(method.upper(), path, body=_body(data))
    if answer:
        typer.echo(answer)


def _body(data: str) -> Any:
    """Checked here: what is no JSON is not sent."""
    try:
        text = data
        if data == "-":
            text = sys.stdin.read()
        elif data.startswith("@"):
            text = Path(data[1:]).read_text("utf-8")
        return json.loads(text) if text else None
    except OSError as error:
        raise InvalidInput(f"{data[1:]}: {error.strerror}", fix="name a file of JSON") from None
    except ValueError:
        raise InvalidInput("the body is not JSON", fix='as in: -d \'{"name": "shop"}\'') from None
