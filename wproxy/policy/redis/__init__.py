"""What a Redis command means to a proxy: where its keys are, and to which servers it may go."""
