"""`croft context`: control planes by name, and which one is used.

Owns arguments and what is printed. Must not know the files (cli/preferences.py) or who wins
(cli/control_plane.py). A token never stands on a command line, where every process could read it.
"""

import sys
from typing import Annotated

import typer

from automation.client import client_at
from cli.control_plane import Operator
from cli.options import OutputOption
from cli.preferences import Preferences, check_name, preferences_of
from cli.render import Output, print_view, print_views

app = typer.Typer(help="Control planes that you know by name.", no_args_is_help=True)

ContextName = Annotated[
    str, typer.Argument(metavar="NAME", help="The context's name.", show_default=False)
]


@app.command("list", epilog="Example: croft context list")
def list_(context: typer.Context, output: OutputOption = Output.table) -> None:
    """List the contexts; the one in use is marked."""
    preferences = _preferences(context)
    contexts, kept = preferences.contexts(), preferences.credentials_by_name()
    print_views(
        [
            {"name": name, "url": url, "token": name in kept, "in_use": name == contexts.current}
            for name, url in contexts.urls.items()
        ],
        output,
        columns=("name", "url", "token", "in_use"),
    )


@app.command(epilog="Example: croft context use staging")
def use(context: typer.Context, name: ContextName) -> None:
    """Use a context from now on, unless a flag, the environment or a link names another."""
    preferences = _preferences(context)
    preferences.save(preferences.contexts().using(name))


@app.command(epilog="Example: croft context add staging --url http://127.0.0.1:54320")
def add(
    context: typer.Context,
    name: ContextName,
    url: Annotated[str, typer.Option(help="Address of its Management API.", show_default=False)],
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from stdin without asking.")
    ] = False,
    output: OutputOption = Output.table,
) -> None:
    """Remember a control plane and ask for its token. The first one is used at once."""
    preferences = _preferences(context)
    contexts = preferences.contexts().with_(check_name(name), url)
    token = sys.stdin.readline() if token_stdin else typer.prompt("Token", hide_input=True)
    client_at(url, token.strip()).close()  # refused now rather than at each later command
    preferences.save_credentials({**preferences.credentials_by_name(), name: token.strip()})
    preferences.save(contexts)
    print_view({"name": name, "url": url, "in_use": contexts.current == name}, output)


@app.command(epilog="Example: croft context remove staging")
def remove(context: typer.Context, name: ContextName) -> None:
    """Forget a context and its token. The control plane itself is not touched."""
    preferences = _preferences(context)
    preferences.save(preferences.contexts().without(name))
    kept = preferences.credentials_by_name()
    preferences.save_credentials({other: kept[other] for other in kept if other != name})


def _preferences(context: typer.Context) -> Preferences:
    operator: Operator = context.obj
    return preferences_of(operator.environ)
