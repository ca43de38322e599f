"""`wproxy demo`: the whole pipeline on one machine, watched from the packets to the Redis servers."""
