"""Benchmarks of money: reserving in memory, draining settlements, reports."""
