"""Linear text classifiers over hashed n-grams: numpy and a little C, no pickle, no torch.

One pass over a text gives hashed word and character n-grams; a head is a table of
weights per hash bucket. Knows nothing of what is being classified.
"""

from guardrails.linear.features import FeatureSpec, HashedText, featurize
from guardrails.linear.head import LinearHead
from guardrails.linear.scorer import TextScorer
from guardrails.linear.store import ModelFile, load_model, save_model

__all__ = [
    "FeatureSpec",
    "HashedText",
    "LinearHead",
    "ModelFile",
    "TextScorer",
    "featurize",
    "load_model",
    "save_model",
]
