"""The tables of keywords: one row for every keyword that HAProxy 2.6 knows."""
