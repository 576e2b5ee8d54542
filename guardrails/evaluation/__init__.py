"""Measure the guards on labelled files."""
