"""The commands of the pulumi CLI that this engine carries out, one module per group.

Owns which function answers which command; their flags stand in `arguments`.
"""

from collections.abc import Callable, Mapping

from engine.commands import config, identity, stack, state, tags, updates
from engine.commands.context import Context

COMMANDS: Mapping[tuple[str, ...], Callable[[Context], None]] = {
    ("preview",): updates.preview,
    ("up",): updates.up,
    ("destroy",): updates.destroy,
    ("refresh",): updates.refresh,
    ("stack",): stack.show,
    ("stack", "unselect"): stack.unselect,
    ("stack", "init"): stack.init,
    ("stack", "select"): stack.select,
    ("stack", "ls"): stack.ls,
    ("stack", "output"): stack.output,
    ("stack", "history"): stack.history,
    ("stack", "export"): stack.export,
    ("stack", "import"): stack.import_,
    ("stack", "rename"): stack.rename,
    ("stack", "rm"): stack.rm,
    ("stack", "tag", "get"): tags.get,
    ("stack", "tag", "set"): tags.set_,
    ("stack", "tag", "rm"): tags.rm,
    ("stack", "tag", "ls"): tags.ls,
    ("config",): config.show,
    ("config", "get"): config.get,
    ("config", "set"): config.set_,
    ("config", "set-all"): config.set_all,
    ("config", "rm"): config.rm,
    ("config", "rm-all"): config.rm,
    ("config", "refresh"): config.refresh,
    ("state", "delete"): state.delete,
    ("state", "protect"): state.protect,
    ("state", "unprotect"): state.unprotect,
    ("state", "taint"): state.taint,
    ("state", "untaint"): state.untaint,
    ("state", "rename"): state.rename,
    ("state", "restore"): state.restore,
    ("plugin", "ls"): identity.plugins,
    ("cancel",): identity.cancel,
    ("whoami",): identity.whoami,
    ("login",): identity.login,
    ("logout",): identity.logout,
    ("version",): identity.version,
}

__all__ = ["COMMANDS", "Context"]
