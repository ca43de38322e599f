"""Decisions without I/O, clock or randomness: which server, healthy or not, what a command means."""
