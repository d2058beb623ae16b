"""`croft doctor`: what is wrong with this installation, and what to type about it.

Owns the command; looks by itself (automation/doctor.py) rather than asking the API, since it has to
work when nothing runs. Must not know any check.
"""

import os
from typing import Annotated

import typer

from cli.errors import stderr_console
from cli.options import OutputOption
from cli.platform import fixed_ports
from cli.render import Output, print_views
from contracts.errors import PlatformError
from contracts.home import home_from
from local.accounts import find_account
from local.checkup import Finding

app = typer.Typer()


class Unhealthy(PlatformError):
    default_code = "problems_found"


@app.command(epilog="Example: croft doctor --fix")
def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Repair what can be repaired without risk.")
    ] = False,
    output: OutputOption = Output.table,
) -> None:
    """Check Python, servers, ports, disk, registry and leftovers, and say how to fix what is wrong.

    Works whether or not the platform runs, and changes nothing without --fix. --fix closes files
    that others can read, starts servers that failed, and sweeps what is left of destroyed projects.
    """
    findings = _look()
    if fix:
        for finding in findings:
            if finding.repair is not None:
                stderr_console().print(f"repairing {finding.check}: {finding.detail}", markup=False)
                finding.repair()
        findings = _look()
    views = [
        {"check": f.check, "state": f.state, "detail": f.detail, "fix": f.fix} for f in findings
    ]
    print_views(views, output, columns=("check", "state", "detail", "fix"))
    if problems := [finding for finding in findings if finding.state == "problem"]:
        names = ", ".join(finding.check for finding in problems)
        raise Unhealthy(f"problems found: {names}", fix=problems[0].fix)


def _look() -> list[Finding]:
    # Loads the drivers of every server: no other command should wait for that.
    from automation.doctor import diagnose

    home = home_from(os.environ, uid=os.getuid())
    return diagnose(home, find_account(os.getuid()), fixed_ports(home))
