"""The bill of materials of an environment in CycloneDX's JSON: `python -m nba_pipeline_tests.suite.sbom FILE`, as `make sbom` runs it.

It lists the installed distributions that nba_pipeline requires, their versions, licenses and dependencies. Those that only the
extra `dev` requires have the scope `excluded`: they are not part of a deployment. Two files of the same environment differ only in
their timestamp. A file names no host and no path.
"""

import sys
from collections.abc import Mapping
from importlib.metadata import Distribution
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseAcknowledgement
from cyclonedx.output import OutputFormat, make_outputter
from cyclonedx.schema import SchemaVersion
from packageurl import PackageURL

from nba_pipeline_tests.suite.installed import ROOT, closure, dependencies

LICENSES = LicenseFactory()
LONGEST_LICENSE = 80
"""Length above which a license is its text, which some distributions have in place of its name."""


def component_of(name: str, one: Distribution, is_development: bool) -> Component:
    """The component of a distribution."""
    url = PackageURL("pypi", name=name, version=one.version) if name != ROOT else None
    license_name = license_of(one)
    return Component(
        name=name,
        version=one.version,
        type=ComponentType.APPLICATION if name == ROOT else ComponentType.LIBRARY,
        bom_ref=str(url) if url else f"{name}@{one.version}",
        purl=url,
        description=one.metadata.get("Summary"),
        scope=ComponentScope.EXCLUDED if is_development else ComponentScope.REQUIRED,
        licenses=[LICENSES.make_from_string(license_name, license_acknowledgement=LicenseAcknowledgement.DECLARED)]
        if license_name
        else [],
    )


def license_of(one: Distribution) -> str | None:
    """The license that a distribution declares: its expression, its short name, or its classifier; None without any."""
    short = one.metadata.get("License-Expression") or (one.metadata.get("License") or "").strip()
    if short and len(short) <= LONGEST_LICENSE and "\n" not in short and short != "UNKNOWN":
        return short
    classifiers = one.metadata.get_all("Classifier") or ()
    return next((line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License :: ")), None)


def bill_of(every: Mapping[str, Distribution], production: Mapping[str, Distribution]) -> Bom:
    """The bill of materials of these distributions. Only those of production have the scope `required`."""
    components = {name: component_of(name, one, name not in production) for name, one in every.items()}
    bill = Bom(components=[one for name, one in components.items() if name != ROOT])
    bill.metadata.component = components[ROOT]
    for name, one in every.items():
        bill.register_dependency(components[name], [components[other] for other in dependencies(one, every)])
    bill.serial_number = uuid5(NAMESPACE_URL, " ".join(sorted(str(one.bom_ref) for one in components.values())))
    return bill


def document() -> str:
    """The bill of materials of this environment."""
    output = make_outputter(bill_of(closure("dev"), closure()), OutputFormat.JSON, SchemaVersion.V1_6)
    return output.output_as_string(indent=1) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document(), encoding="utf-8")
