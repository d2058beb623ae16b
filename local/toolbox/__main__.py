"""`python -m local.toolbox [TOOL...]`: fill the toolbox of this user's installation by hand.

Owns nothing but its arguments; tests use it to get Node.
"""

import os
import sys

from rich.console import Console

from contracts.errors import PlatformError
from contracts.home import home_from
from local.toolbox.catalog import CATALOG, SERVERS
from local.toolbox.install import obtain


def main(names: list[str]) -> int:
    console = Console(stderr=True)
    if unknown := [name for name in names if name not in CATALOG]:
        console.print(f"unknown: {', '.join(unknown)}; known: {', '.join(CATALOG)}")
        return 2
    home = home_from(os.environ, uid=os.getuid())
    shared = os.getuid() == 0
    try:
        # Nothing of an interrupted run is lost: the next one goes on where it stood.
        obtain(home.tools, names or SERVERS, environ=os.environ, console=console, shared=shared)
    except KeyboardInterrupt:
        console.print("interrupted; run the same command again to go on")
        return 130
    except PlatformError as error:
        console.print(f"{error.code}: {error.message}\n{error.fix}", markup=False)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
