"""Reads the templates as CloudFormation does: `!Ref x` becomes {"Ref": "x"}, and so on."""

import functools
import pathlib

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


class _Loader(yaml.SafeLoader):
    pass


def _function(loader, suffix, node):
    value = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: functools.partial(loader.construct_sequence, deep=True),
        yaml.MappingNode: functools.partial(loader.construct_mapping, deep=True),
    }[type(node)](node)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


def load(name):
    return yaml.load((ROOT / name).read_text(encoding="utf-8"), Loader=_Loader)


CONTROL_PLANE = load("template.yaml")
FLEET = load("fleet.yaml")
OBSERVABILITY = load("observability.yaml")


def of_type(template, kind):
    """Properties of all resources of a type, by their names."""
    return {name: resource.get("Properties", {}) for name, resource in template["Resources"].items() if resource["Type"] == kind}


def references(value):
    """Every name that a value refers to, also inside of strings that Fn::Sub fills in."""
    if isinstance(value, dict):
        found = set()
        for key, inner in value.items():
            if key == "Ref":
                found.add(inner)
            elif key == "Fn::GetAtt":
                found.add(inner.split(".")[0] if isinstance(inner, str) else inner[0])
            elif key == "Fn::If":
                found |= references(FLEET["Conditions"].get(inner[0], {})) | references(inner[1:])
            else:
                found |= references(inner)
        return found
    if isinstance(value, list):
        return set().union(*map(references, value)) if value else set()
    if isinstance(value, str):
        return {part.split("}")[0] for part in value.split("${")[1:]}
    return set()


def statements(template):
    """Every statement of every policy, with the name of its resource."""
    for name, resource in template["Resources"].items():
        yield from ((name, statement) for statement in _statements(resource))


def _statements(value):
    if isinstance(value, dict):
        if "Effect" in value:
            yield value
        for inner in value.values():
            yield from _statements(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _statements(inner)
