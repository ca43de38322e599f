"""Takes batches of observations off the queue and writes them to Redis."""
