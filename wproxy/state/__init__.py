"""What changes while the proxy runs: servers, queues, counters, sessions. No I/O; every fact has one owner."""
