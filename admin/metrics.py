"""Reads the counters that capture and consumer publish in Prometheus' text format."""

from __future__ import annotations

import http.client
from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from admin.errors import NoAnswerError

_TIMEOUT_S = 5.0


def read_counters(host: str, port: int, prefix: str) -> Counter[str]:
    """Return every counter whose name starts with `prefix`, by the rest of its name without `_total`."""
    return parse_counters(read_page(host, port), prefix)


def read_page(host: str, port: int) -> str:
    """Return the text of a metrics page; raise NoAnswerError when there is none."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(f"no metrics at {host}:{port}: {error}") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise NoAnswerError(f"no metrics at {host}:{port}: HTTP status {response.status}")
    return body


def parse_counters(text: str, prefix: str) -> Counter[str]:
    """Return the counters in `text`; missing ones read as 0.

    Those of one name with several label sets are summed, and stand besides under `name:value` of their first label.
    """
    counters: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith(prefix) and sample.name.endswith("_total"):
                name = sample.name.removeprefix(prefix).removesuffix("_total")
                counters[name] += int(sample.value)
                for value in list(sample.labels.values())[:1]:
                    counters[f"{name}:{value}"] += int(sample.value)
    return counters
