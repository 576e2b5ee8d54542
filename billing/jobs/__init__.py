"""Jobs: long and scheduled work, in this process or in Celery workers, with its progress."""
