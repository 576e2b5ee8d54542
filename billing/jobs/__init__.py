"""Jobs: exports that run in this process or in Celery workers, with progress and a file."""
