"""All the I/O there is on the way of the traffic."""
