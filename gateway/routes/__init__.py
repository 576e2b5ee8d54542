"""Path -> handler; nothing else."""
