"""Keep concurrent Pulumi programs in one process apart.

Owns the one repair that the pinned SDK needs before two stacks may run at once. Must not know what
a program, a stack or a tenant is.

`pulumi._utils.ContextProperty` stores settings in context variables, but a first assignment also
becomes the default of the whole process. A thread started without a copy of its parent's context
(a raw `threading.Thread`, a raw `run_in_executor`) then reads the monitor of whichever run was
configured last: another tenant's. After `install()` such a thread reads None and fails closed.
"""

import threading
from typing import Any

from pulumi._utils import ContextProperty

_installing = threading.Lock()


def install() -> None:
    """Make assignments to SDK settings visible in the current context only. Idempotent."""
    with _installing:
        if getattr(ContextProperty.fset, "isolated", False):
            return

        def fset(self: Any, value: Any, *_: Any) -> Any:
            return self._data.set(value)

        vars(fset)["isolated"] = True
        setattr(ContextProperty, "fset", fset)  # noqa: B010  an assignment would be a type error
