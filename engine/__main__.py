"""`python -m engine`: the engine on a command line, with the arguments of the pulumi CLI.

Owns the process: arguments, environment, exit code. Must not know what commands do.

Run it in a folder with a Pulumi.yaml. Providers beyond the built-in ones are found by the entry
point group `engine.providers`; each entry is a function without arguments that returns a Package.
Credentials that shall stand in no state are taken from the environment.
"""

import os
import sys
from collections.abc import Mapping

from pulumi.automation.errors import CommandError

from engine.command import EmbeddedPulumi
from engine.logins import home_of
from engine.packages import credentials_from, found_packages
from engine.selection import SelectionOnDisk


def main(args: list[str], environ: Mapping[str, str]) -> int:
    home = home_of(environ)
    packages = found_packages()
    person = sys.stdin.isatty() and sys.stdout.isatty()
    engine = EmbeddedPulumi(
        packages,
        credentials_from(environ, packages),
        SelectionOnDisk(home),
        ask=input if person else None,
    )
    try:
        engine.run(
            args,
            cwd=os.getcwd(),
            additional_env={},
            on_output=lambda line: print(line, flush=True),
            on_error=lambda line: print(line, file=sys.stderr, flush=True),
        )
    except CommandError:
        return 1  # the reason has been printed
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
