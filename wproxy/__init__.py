"""The proxy: haproxy.cfg in, connections served, steered over its stats socket."""
