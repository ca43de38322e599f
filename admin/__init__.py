"""The `wproxy` command: humans steer and watch the proxy over its stats socket."""
