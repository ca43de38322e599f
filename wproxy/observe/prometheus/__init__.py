"""Metrics in Prometheus' text format, named as HAProxy's exporter names them, and those that only this proxy has."""

from wproxy.observe.prometheus.exposition import CONTENT_TYPE, QueryError, text

__all__ = ["CONTENT_TYPE", "QueryError", "text"]
