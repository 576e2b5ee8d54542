"""Tenants, their projects and virtual keys, and the accounts that manage them."""
