"""What most tests of a handler ask it: checks and diffs, which need no server, and its end."""

URN = "urn:pulumi:s::p::package:index/x:X::x"


def check(handler, **news):
    return handler.check({}, URN, None, news)


def changes(handler, outputs, inputs):
    return list(handler.diff({}, "id", {}, outputs, inputs).changes)


def delete_for_good(handler, cfg, id, inputs, outputs):
    """Twice, as after a crash."""
    handler.delete(cfg, id, outputs)
    handler.delete(cfg, id, outputs)
    assert handler.read(cfg, id, inputs, outputs) is None
    assert handler.find(cfg, inputs) is None
