"""Why there is no connection to the broker, in one line."""

from __future__ import annotations

from collections.abc import Iterator

from pika.exceptions import ChannelClosed, ConnectionClosed, ProbableAccessDeniedError, ProbableAuthenticationError


def reason_of(error: Exception) -> str:
    """Return in one line why there is no connection: pika buries the cause in its exceptions' arguments."""
    match error:
        case ProbableAuthenticationError():
            return "the broker refused the user or the password"
        case ProbableAccessDeniedError():
            return "the broker refused the user access to the virtual host"
        case ConnectionClosed() | ChannelClosed():
            return f"the broker closed the connection: {error.reply_text}"
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    return str(error) or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what it was made of: pika has it in `args` and attributes, one for each node tried."""
    yield error
    for inner in (*error.args, getattr(error, "exception", None), *getattr(error, "exceptions", ())):
        if isinstance(inner, BaseException):
            yield from _causes(inner)
