"""``make sbom``: a CycloneDX 1.6 bill of materials, of what is installed and locked.

    python -m supply_chain.sbom [--out FILE]

Product parts are ``required``, those of development ``excluded``. Two runs over the same
environment give the same bytes but for the serial number and the time.
"""

# The library's decorators hide the parameters of its classes.
# pyright: reportCallIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from supply_chain.inventory import Package, Weights, npm_packages, python_packages, weights

_ALGORITHMS = {"sha256": HashAlgorithm.SHA_256, "sha512": HashAlgorithm.SHA_512}
SCHEMA = SchemaVersion.V1_6


def bill(python: Iterable[Package], npm: Iterable[Package], models: Iterable[Weights]) -> Bom:
    """The bill of the first package of ``python`` that is the product itself."""
    packages = {package.name: package for package in python}
    own = packages.pop("sovgate")
    bom = Bom()
    root = bom.metadata.component = _component(own, ComponentType.APPLICATION)
    parts = {name: _component(package) for name, package in packages.items()}
    numbers = [_model(model) for model in models]
    scripts = [_component(package) for package in npm]
    bom.components = [*parts.values(), *scripts, *numbers]
    asked = [parts[name] for name in own.needs if name in parts]
    bom.register_dependency(root, [*asked, *numbers])
    for name, package in packages.items():
        known = [parts[need] for need in package.needs if need in parts and need != name]
        bom.register_dependency(parts[name], known)
    return bom


def _component(package: Package, kind: ComponentType = ComponentType.LIBRARY) -> Component:
    purl = PackageURL.from_string(
        f"pkg:{package.ecosystem}/{package.name.replace('@', '%40')}@{package.version}"
    )
    return Component(
        type=kind,
        name=package.name,
        version=package.version,
        purl=purl,
        bom_ref=str(purl),
        scope=ComponentScope.REQUIRED if package.product else ComponentScope.EXCLUDED,
        licenses=_licences(package.licence),
        hashes=_hashes(package.digests) if len(package.digests) == 1 else (),
        # A distribution has several files, for the platforms; any of them may be installed.
        properties=[Property(name="sovgate:file", value=digest) for digest in package.digests]
        if len(package.digests) > 1
        else (),
    )


def _model(model: Weights) -> Component:
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=model.name,
        version=model.sha256[:12],
        bom_ref=f"model:{model.name}",
        licenses=_licences(model.licence),
        hashes=_hashes((f"sha256:{model.sha256}",)),
        properties=[Property(name=f"sovgate:{k}", value=v) for k, v in model.facts.items()],
    )


def _licences(licence: str | None):  # type: ignore[no-untyped-def]
    return (LicenseFactory().make_from_string(licence),) if licence else ()


def _hashes(digests: Iterable[str]) -> list[HashType]:
    pairs = (digest.split(":") for digest in digests)
    return [HashType(alg=_ALGORITHMS[kind], content=value) for kind, value in pairs]


def render(bom: Bom) -> str:
    """As JSON."""
    return make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=2)


def main() -> int:
    parser = argparse.ArgumentParser(description="CycloneDX bill of materials")
    parser.add_argument("--out", type=Path, help="a file; without it standard output")
    out = parser.parse_args().out
    text = render(bill(python_packages(), npm_packages(), weights()))
    if out is None:
        print(text)
        return 0
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text + "\n", "utf-8")
    print(f"sbom: {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
