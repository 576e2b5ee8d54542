"""The released classifier weights, each with a digest and the figures of its training."""

import json
from importlib import resources
from pathlib import Path

from guardrails.errors import GuardUnavailable
from guardrails.linear import ModelFile, load_model

__all__ = ["released"]


def released(name: str) -> ModelFile:
    """The released model of that name; its digest must be the one in ``<name>.json``.

    Raises:
        GuardUnavailable: missing, damaged or exchanged.
    """
    folder = Path(str(resources.files(__name__)))
    try:
        facts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GuardUnavailable(
            f"The description of the {name} weights cannot be read; reinstall the package."
        ) from error
    return load_model(folder / f"{name}.npz", digest=facts["sha256"])
