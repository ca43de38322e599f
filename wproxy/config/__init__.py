"""haproxy.cfg in, frozen dataclasses out."""
