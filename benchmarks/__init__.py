"""Measurements that anyone can repeat; nothing here is part of the product."""
