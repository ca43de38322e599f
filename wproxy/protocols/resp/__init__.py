"""The Redis serialization protocol: requests are validated, replies only split."""

from wproxy.protocols.resp.replies import ReplySplitter
from wproxy.protocols.resp.requests import Limits, Request, RequestError, RequestParser, pack
from wproxy.protocols.resp.runs import Long, Run, arguments_of, head, match_command

__all__ = [
    "Limits", "Long", "ReplySplitter", "Request", "RequestError", "RequestParser", "Run", "arguments_of", "head",
    "match_command", "pack",
]  # fmt: skip
