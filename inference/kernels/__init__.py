"""Operators that a model is made of, one implementation per device and capability."""
