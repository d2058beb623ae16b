"""`croft config`: get, set: how a project's services are configured, in Supabase's words.

Owns the services' names and how a value is written. Must not know any setting.
"""

import json
from typing import Annotated, Any

import typer

from cli.control_plane import open_client
from cli.options import OutputOption, ProjectOption, TimeoutOption, WaitOption
from cli.render import Output, print_view
from cli.waiting import TIMEOUT_S, wait_for
from contracts.errors import InvalidInput

app = typer.Typer(help="How a project's services are configured.", no_args_is_help=True)

# The method that changes one, and its path below the project's.
SERVICES = {
    "auth": ("PATCH", "config/auth"),
    "postgres": ("PUT", "config/database/postgres"),
    "realtime": ("PATCH", "config/realtime"),
    "rest": ("PATCH", "postgrest"),
    "storage": ("PATCH", "config/storage"),
}
ServiceArgument = Annotated[
    str, typer.Argument(metavar="SERVICE", help=f"{', '.join(SERVICES)}.", show_default=False)
]


@app.command(epilog="Example: croft config get rest --project yucdibezossamesxyyqh")
def get(
    context: typer.Context,
    service: ServiceArgument,
    project: ProjectOption = "",
    output: OutputOption = Output.table,
) -> None:
    """Print the settings of a service."""
    _, path = _service(service)
    with open_client(context) as client:
        print_view(client.config(project, path), output)


@app.command(
    "set", epilog="Example: croft config set rest max_rows=500 --project yucdibezossamesxyyqh"
)
def set_(
    context: typer.Context,
    service: ServiceArgument,
    settings: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE...", help="Numbers, true, false and null are read as JSON."
        ),
    ],
    project: ProjectOption = "",
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Change settings of a service; the others stay as they are."""
    method, path = _service(service)
    values = dict(_setting(text) for text in settings)
    with open_client(context) as client:
        told, operation_id = client.change_config(project, method, path, values)
        if operation_id and wait:
            title = f"configure {project}"
            wait_for(client, operation_id, title=title, timeout_s=timeout, output=output)
    print_view(told, output)


def _service(name: str) -> tuple[str, str]:
    if name not in SERVICES:
        raise InvalidInput(f"no service {name!r}", fix=f"there are {', '.join(SERVICES)}")
    return SERVICES[name]


def _setting(text: str) -> tuple[str, Any]:
    """What is no JSON is a text: nobody quotes a word for a shell and for JSON at once."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise InvalidInput(f"{text!r} is not NAME=VALUE", fix="as in: max_rows=500")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
