"""A page of Prometheus text over HTTP, for capture and consumer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.registry import Collector

from capture.options import Address


@contextmanager
def metrics_page(address: Address, collector: Collector) -> Iterator[None]:
    """Serve what `collector` yields on `address` until the end of the block; OSError when it cannot be opened."""
    registry = CollectorRegistry()
    registry.register(collector)
    server, thread = start_http_server(address.port, address.host, registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
