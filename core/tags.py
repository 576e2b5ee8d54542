"""Tags in a text that comes in pieces."""


def held_back(text: str, tag: str) -> int:
    """Characters at the end of ``text`` that may be the beginning of ``tag``.

    >>> held_back("so </th", "</think>")
    4
    """
    for size in range(min(len(tag) - 1, len(text)), 0, -1):
        if tag.startswith(text[-size:]):
            return size
    return 0
