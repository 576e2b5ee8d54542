"""The control tokens of DeepSeek-V4's chats; the bars are full-width (U+FF5C)."""

_BAR = "\uff5c"


def _control(name: str) -> str:
    return f"<{_BAR}{name}{_BAR}>"


BEGIN, END = _control("begin▁of▁sentence"), _control("end▁of▁sentence")
SYSTEM, USER, ASSISTANT = _control("System"), _control("User"), _control("Assistant")
THINK, END_OF_THINKING = "<think>", "</think>"
DSML = f"{_BAR}DSML{_BAR}"
TOKENS = (BEGIN, END, SYSTEM, USER, ASSISTANT, THINK, END_OF_THINKING, DSML)
