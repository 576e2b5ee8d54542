"""YAML that comes from outside, read with bounds: plain values only, and no more than was written.

``yaml.safe_load`` builds no objects, but it lets a kilobyte of anchors stand for gigabytes, takes
the last of two equal keys without a word, and fails in other ways than its own on odd numbers.
"""

from typing import Any

import yaml

MAX_CHARACTERS = 4 * 1024 * 1024
MAX_VALUES = 200_000  # with every alias counted as often as it stands for something
MAX_DEPTH = 50


class InvalidYaml(ValueError):
    """Says what is wrong and on which line; quotes nothing, since there may be a password."""


def read_yaml(text: str) -> Any:
    """The value of a document.

    Raises:
        InvalidYaml: it is no YAML, or too large.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidYaml(f"it has more than {MAX_CHARACTERS} characters")
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        if _size(root, {}, 0) > MAX_VALUES:
            raise InvalidYaml(f"it stands for more than {MAX_VALUES} values")
        return loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}" if mark else "somewhere"
        raise InvalidYaml(f"{where}: {error.problem or error.context}") from None
    except yaml.YAMLError:
        raise InvalidYaml("it holds characters that YAML has not") from None
    except RecursionError:
        raise InvalidYaml(f"it is nested more than {MAX_DEPTH} levels deep") from None
    except (ValueError, OverflowError) as error:
        if isinstance(error, InvalidYaml):
            raise
        raise InvalidYaml("a number or a date in it is out of range") from None
    finally:
        if loader is not None:
            loader.dispose()


def _size(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """How many values a node stands for, each alias written out."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if depth >= MAX_DEPTH:  # an alias within its own anchor comes here too
        raise InvalidYaml(f"line {node.start_mark.line + 1}: it is nested too deep")
    if id(node) not in known:
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
            children = [part for pair in node.value for part in pair]
        else:
            children = node.value
        known[id(node)] = 1 + sum(_size(child, known, depth + 1) for child in children)
    return known[id(node)]


def _check_keys(node: yaml.MappingNode) -> None:
    seen = set()
    for key, _ in node.value:
        name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key)
        if name in seen:
            raise InvalidYaml(f"line {key.start_mark.line + 1}: the key stands there twice")
        seen.add(name)
