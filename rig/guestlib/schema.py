# SPDX-License-Identifier: MIT
"""The JSON Schemas that are installed, and whether a program's output is as they say."""
import functools
import json
import os

import jsonschema

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                      "schema")


def names():
    return sorted(name.removesuffix(".schema.json") for name in os.listdir(FOLDER)
                  if name.endswith(".schema.json"))


def load(name):
    with open(f"{FOLDER}/{name}.schema.json", encoding="utf-8") as f:
        return json.load(f)


def _close(node):
    """Members may be added within a version, so the schemas are open. Our own output has no member
    that its schema does not name."""
    if isinstance(node, dict):
        if "properties" in node:
            node.setdefault("additionalProperties", False)
        for key, value in node.items():
            if key in ("properties", "$defs"):
                for member in value.values():
                    _close(member)
            elif key in ("items", "additionalProperties", "oneOf"):
                _close(value)
    elif isinstance(node, list):
        for value in node:
            _close(value)
    return node


@functools.cache
def validator(name):
    schema = load(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(_close(schema))


def check(name, value):
    """A program's output, text or parsed; returns it parsed."""
    if isinstance(value, (str, bytes)):
        value = json.loads(value)
    found = jsonschema.exceptions.best_match(validator(name).iter_errors(value))
    assert found is None, f"{name}: {found.json_path}: {found.message[:400]}"
    return value
