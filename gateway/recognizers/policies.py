"""Recognizers that stand in a policy of the settings, checked and read at start."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import SettingsError
from gateway.settings import PiiPolicy, PolicySettings
from guardrails.pii.custom import AllowList, RecognizerSpec, RegistryFile, Source, Sources
from guardrails.pii.custom.errors import InvalidRecognizer


@dataclass(frozen=True, slots=True)
class PolicyRecognizers:
    """What a policy brings."""

    definitions: tuple[Source, ...]
    allow_lists: tuple[AllowList, ...]
    registry: RegistryFile | None

    @classmethod
    def read(cls, policy: PiiPolicy) -> "PolicyRecognizers":
        """Raises: InvalidRegistry."""
        path = policy.registry_file
        return cls(
            tuple(Source(spec, "policy") for spec in policy.recognizers),
            (policy.allow_list,) if policy.allow_list else (),
            None if path is None else RegistryFile.read(path),
        )

    def __bool__(self) -> bool:
        return bool(self.definitions or self.allow_lists or self.registry)

    def sources(self, own: tuple[Source, ...] = (), version: str = "") -> Sources:
        """With a tenant's own definitions."""
        return Sources((*self.definitions, *own), self.allow_lists, self.registry, version)


def check_policies(policies: Mapping[str, PolicySettings]) -> dict[str, PolicyRecognizers]:
    """The recognizers of all policies, by the policy's digest.

    Raises:
        SettingsError: one of them is not fit to run.
    """
    return {policy.digest: checked(name, policy) for name, policy in policies.items()}


def checked(name: str, policy: PolicySettings) -> PolicyRecognizers:
    """The recognizers of the policy of that name. Raises: SettingsError."""
    try:
        found = PolicyRecognizers.read(policy.pii)
        if found:  # the check loads the engines of patterns
            _check(found, policy.pii.recognizers)
    except InvalidRecognizer as problem:
        where = f"policies.{name}.pii"
        param = f"{where}.{problem.param}" if problem.param else where
        raise SettingsError(f"{param}: {problem.message} [{problem.code}]", param=param) from None
    return found


def _check(found: PolicyRecognizers, specs: list[RecognizerSpec]) -> None:
    from guardrails.pii.custom.check import check, check_allow_list

    for index, spec in enumerate(specs):
        for problem in check(spec):
            raise type(problem)(problem.message, param=f"recognizers.{index}.{problem.param}")
    for allow in found.allow_lists:
        try:
            check_allow_list(allow)
        except InvalidRecognizer as problem:
            raise type(problem)(problem.message, param=f"allow_list.{problem.param}") from None
    if found.registry is not None:
        found.registry.recognizers()
