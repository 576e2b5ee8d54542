"""Recognizers, one family a file, each a Presidio recognizer."""
