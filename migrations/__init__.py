"""Alembic migrations; ``runner.upgrade`` applies them, from a checkout and from a wheel."""
