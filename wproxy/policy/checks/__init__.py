"""Health checks as pure conversations: bytes of the server in, verdict out; `dataplane.prober` does the I/O."""
