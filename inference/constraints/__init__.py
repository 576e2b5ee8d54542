"""Answers that must have a form: a JSON schema becomes a mask of allowed tokens at each step.

The library llguidance (docs/adr/0016) reads the schema and follows the answer; it is part of the
worker's extra and is imported when a request first needs it. Torch is not needed here.
"""

from inference.constraints.compiler import ConstraintCompiler
from inference.constraints.constraint import Constraint
from inference.constraints.response_format import schema_of

__all__ = ["Constraint", "ConstraintCompiler", "schema_of"]
