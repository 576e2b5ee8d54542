"""Our own inference worker: checkpoints, engine, server.

Only code that runs in a worker process (``engine``, ``models``, ``kernels``,
``convert``, ``server``) imports torch; importing ``inference`` or
``inference.cli`` does not.
"""

from inference.errors import (
    CheckpointInvalid,
    CheckpointUnsupported,
    ContextOverflow,
    DeviceUnavailable,
    EngineFailed,
    InferenceError,
    ModelUnknown,
    ProvenanceError,
    QueueFull,
    RequestInvalid,
    WorkerStopping,
)

__all__ = [
    "CheckpointInvalid",
    "CheckpointUnsupported",
    "ContextOverflow",
    "DeviceUnavailable",
    "EngineFailed",
    "InferenceError",
    "ModelUnknown",
    "ProvenanceError",
    "QueueFull",
    "RequestInvalid",
    "WorkerStopping",
]
