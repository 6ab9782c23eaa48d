"""Benchmarks: each script prints ours, the peer's, and the ratio with its spread, from alternating runs."""
