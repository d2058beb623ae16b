"""The processes of one project, by name: the name of each of their units ends with the ref.

Must not know what they are (components/app_stack.py does), nor how they are run.
"""

from contracts import units
from contracts.errors import BackendDown
from contracts.home import Home


def find(home: Home, ref: str) -> list[str]:
    answer = units.call(home.supervisor_socket, {"op": "list"})
    return sorted(unit["name"] for unit in answer["units"] if unit["name"].endswith(f"-{ref}"))


def refs(home: Home) -> list[str]:
    answer = units.call(home.supervisor_socket, {"op": "list"})
    return [unit["name"].rpartition("-")[2] for unit in answer["units"]]


def restart(home: Home, ref: str) -> None:
    for name in find(home, ref):
        units.call(home.supervisor_socket, {"op": "restart", "name": name})


def remove(home: Home, name: str) -> None:
    """Tolerates that it is gone."""
    try:
        units.call(home.supervisor_socket, {"op": "remove", "name": name})
    except BackendDown as error:
        if error.code != "unit_not_found":
            raise
