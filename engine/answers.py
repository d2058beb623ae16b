"""What a function of a package answers.

Owns the passage from what it returns or raises to what a program is told: which of it is secret,
and no secret argument in an error. Must not know who asks, or what any function does.
"""

from collections.abc import Callable, Collection

from engine.errors import EngineError
from engine.provider import Function, Method, Props
from engine.secrecy import MASK, secret_texts, with_secret_keys
from engine.values import has_secrets


class FunctionFailed(EngineError):
    """A function could not answer; the program is told, and nothing has been changed."""


def answer(function: Function | Method, args: Props, call: Callable[[], Props]) -> Props:
    try:
        result = call()
    except Exception as error:
        # Whatever a function raises is its answer; the text may not repeat a secret argument.
        text = str(error) or repr(error)
        for word in filter(None, secret_texts(args)):
            text = text.replace(word, MASK)
        raise FunctionFailed(text) from error
    # What came of a secret may tell it.
    hidden: Collection[str] = getattr(function, "secret_outputs", ())
    if has_secrets(args):
        hidden = result.keys()
    return with_secret_keys(result, hidden)
