"""What the proxy shows of itself: statistics, process information, notices."""
