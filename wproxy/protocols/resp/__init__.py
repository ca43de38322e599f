"""The Redis serialization protocol: requests are validated, replies only split."""

from wproxy.protocols.resp.replies import ReplySplitter
from wproxy.protocols.resp.requests import Limits, Request, RequestError, RequestParser, pack

__all__ = ["Limits", "ReplySplitter", "Request", "RequestError", "RequestParser", "pack"]
