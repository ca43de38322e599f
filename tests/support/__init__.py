"""What several tests share: real servers on free ports, and helpers to wait for conditions."""
