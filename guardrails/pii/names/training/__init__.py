"""Trains the taggers of names: torch, generated text and data sets; never imported in service."""
