"""HAProxy's Runtime API on the stats sockets (management manual, section 9.3)."""
