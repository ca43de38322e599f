"""Compression of responses: when, with which algorithm, and the compressing itself."""

from wproxy.policy.compression.body import CompressedBody
from wproxy.policy.compression.choice import Choice

__all__ = ["Choice", "CompressedBody"]
