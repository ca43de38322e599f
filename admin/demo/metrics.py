"""Reads the counters that capture and consumer publish in Prometheus' text format."""

from __future__ import annotations

import http.client
from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from admin.errors import DemoError

_TIMEOUT_S = 5.0


def read_counters(host: str, port: int, prefix: str) -> Counter[str]:
    """Return every counter whose name starts with `prefix`, by the rest of its name without `_total`."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise DemoError(f"no metrics at {host}:{port}: {error}") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise DemoError(f"no metrics at {host}:{port}: HTTP status {response.status}")
    return parse_counters(body, prefix)


def parse_counters(text: str, prefix: str) -> Counter[str]:
    """Return the counters in `text`; those of one name with several label sets are summed. Missing ones read as 0."""
    counters: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith(prefix) and sample.name.endswith("_total"):
                counters[sample.name.removeprefix(prefix).removesuffix("_total")] += int(sample.value)
    return counters
