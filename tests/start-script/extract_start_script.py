"""Prints the start script of a fleet's tasks: the Command of the container `runner` in fleet.yaml, its only source.

    python tests/start-script/extract_start_script.py | shellcheck --shell=bash -
"""

import pathlib
import sys

import yaml

FLEET_TEMPLATE = pathlib.Path(__file__).resolve().parents[2] / "fleet.yaml"


class _Template(yaml.SafeLoader):
    """Reads a CloudFormation template; what its functions (!Ref, !Sub, ...) make is of no interest here."""


_Template.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix}")


def start_script(template: pathlib.Path = FLEET_TEMPLATE) -> str:
    """The script, as bash gets it."""
    resources = yaml.load(template.read_text(encoding="utf-8"), Loader=_Template)["Resources"]
    (container,) = resources["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    (script,) = container["Command"]
    return script


if __name__ == "__main__":
    sys.stdout.write(start_script())
