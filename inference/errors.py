"""What can go wrong in a worker.

    SovgateError
    └── InferenceError
        ├── CheckpointInvalid          a file or field of the checkpoint is missing or malformed
        │   └── CheckpointUnsupported  well formed, but of a kind this engine does not run
        ├── ProvenanceError            the checkpoint is not what was signed
        │   ├── ManifestMissing, ManifestInvalid, SignatureInvalid
        │   ├── FileChanged, FileMissing, FileExtra
        │   └── UnsafeFile             pickle and other files that run code when read
        ├── DeviceUnavailable
        ├── DeviceTooSmall             weights and cache do not fit the device's memory
        ├── AddressUnavailable         the worker cannot listen where it was told to
        ├── RequestInvalid             the request asks for something malformed or unknown
        │   ├── ContextOverflow
        │   ├── ConstraintUnsupported  a form, or a strict tool, asks for what cannot be enforced
        │   └── ConstraintFailed       an answer could not be kept within response_format
        ├── ModelUnknown
        ├── QueueFull
        ├── WorkerStopping
        └── EngineFailed

It knows no HTTP: ``inference.server.problems`` maps class -> status.
"""

from core.errors import SovgateError


class InferenceError(SovgateError):
    """The root of this package's errors."""

    code = "inference_error"


class CheckpointInvalid(InferenceError):
    """A checkpoint lacks a file, a tensor or a field, or holds a malformed one."""

    code = "checkpoint_invalid"


class CheckpointUnsupported(CheckpointInvalid):
    """A checkpoint of an architecture or option that this engine does not run."""

    code = "checkpoint_unsupported"


class ProvenanceError(InferenceError):
    """A checkpoint is not, byte for byte, what was signed."""

    code = "provenance_failed"


class ManifestMissing(ProvenanceError):
    """The checkpoint directory holds no signature."""

    code = "manifest_missing"


class ManifestInvalid(ProvenanceError):
    """The signature is not readable as one."""

    code = "manifest_invalid"


class SignatureInvalid(ProvenanceError):
    """The signature does not fit its list of files, or the key that is to be trusted."""

    code = "signature_invalid"


class FileChanged(ProvenanceError):
    """A file's digest differs from the signed one."""

    code = "checkpoint_file_changed"


class FileMissing(ProvenanceError):
    """A signed file is not there."""

    code = "checkpoint_file_missing"


class FileExtra(ProvenanceError):
    """A file is there that was not signed."""

    code = "checkpoint_file_extra"


class UnsafeFile(ProvenanceError):
    """A file of a kind that can run code when it is loaded."""

    code = "checkpoint_file_unsafe"


class DeviceUnavailable(InferenceError):
    """The asked device is not on this machine."""

    code = "device_unavailable"


class DeviceTooSmall(InferenceError):
    """Weights and cache take more memory than the device has free."""

    code = "device_too_small"


class AddressUnavailable(InferenceError):
    """Nothing can listen at the asked address and port."""

    code = "address_unavailable"


class RequestInvalid(InferenceError):
    """A request field is malformed, out of range, or asks for what is not offered."""

    code = "invalid_request"


class ContextOverflow(RequestInvalid):
    """Prompt and completion do not fit the context window."""

    code = "context_length_exceeded"


class ConstraintUnsupported(RequestInvalid):
    """The form that ``response_format`` asks for cannot be enforced here."""

    code = "response_format_unsupported"


class ConstraintFailed(RequestInvalid):
    """An answer could not be kept within the form that its request asked for."""

    code = "response_format_failed"


class ReasoningMissing(RequestInvalid):
    """An earlier message's reasoning is needed and was not sent back."""

    code = "reasoning_content_missing"


class ModelUnknown(InferenceError):
    """No model of that name is served here."""

    code = "model_not_found"


class QueueFull(InferenceError):
    """As many requests wait as the worker was told to hold."""

    code = "queue_full"


class WorkerStopping(InferenceError):
    """The worker is shutting down and takes no more requests."""

    code = "worker_stopping"


class EngineFailed(InferenceError):
    """A step of the engine raised; the requests that it held are lost."""

    code = "engine_failed"
