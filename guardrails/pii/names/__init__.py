"""Names in Latin script: a small convolutional tagger in numpy; its weights and training."""

from guardrails.pii.names.tagger import Name, NameTagger

__all__ = ["Name", "NameTagger"]
