"""Chinese persons, places and organisations, found character by character.

``ChineseNameRecognizer`` is what the engine runs; ``ChineseTagger`` is the same without Presidio.
"""

from guardrails.pii.names_zh.decode import FoundName
from guardrails.pii.names_zh.recognizer import ChineseNameRecognizer
from guardrails.pii.names_zh.tagger import ChineseTagger

__all__ = ["ChineseNameRecognizer", "ChineseTagger", "FoundName"]
