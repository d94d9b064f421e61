"""The published JSON Schemas: current, true to what is accepted, and named by every example."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from srbackup.config.load import load
from srbackup.config.schema import FILES, json_schema

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "reference" / "schema"
POLICIES = sorted((ROOT / "policies").iterdir())
EXAMPLES = ROOT / "tests" / "data" / "config"


def kind_of(file: Path) -> str:
    return file.stem if file.stem in {"clusters", "repositories"} else "policy"


def validator(kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((PUBLISHED / f"{kind}.schema.json").read_text()))


def plain(file: Path) -> Any:
    return YAML(typ="safe").load(file.read_text())


def test_every_kind_of_file_has_a_published_schema() -> None:
    assert sorted(p.name for p in PUBLISHED.iterdir()) == sorted(f"{kind}.schema.json" for kind in FILES)


@pytest.mark.parametrize("kind", FILES)
def test_the_published_schema_is_current(kind: str) -> None:
    published = json.loads((PUBLISHED / f"{kind}.schema.json").read_text())
    assert published == json_schema(kind), f"srbackup config schema {kind} > docs/reference/schema/{kind}.schema.json"
    jsonschema.Draft202012Validator.check_schema(published)


@pytest.mark.parametrize("file", POLICIES, ids=lambda p: p.name)
def test_every_example_names_its_schema_for_editors_and_fits_it(file: Path) -> None:
    first = file.read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema=../docs/reference/schema/{kind_of(file)}.schema.json"
    assert (file.parent / first.partition("$schema=")[2]).resolve().is_file()
    assert [e.message for e in validator(kind_of(file)).iter_errors(plain(file))] == []


def test_the_examples_are_a_whole_configuration() -> None:
    configuration = load(ROOT / "policies")
    assert configuration.folder == ROOT / "policies"
    for policy in configuration.policies.values():
        assert policy.cluster in configuration.cluster_names
        assert policy.repository in configuration.repository_names


@pytest.mark.parametrize("kind", FILES)
def test_the_schema_refuses_unknown_keys_and_wrong_types_as_validation_does(kind: str) -> None:
    for name in ("unknown-keys", "wrong-types"):
        file = EXAMPLES / kind / f"{name}.yaml"
        if file.exists():
            assert list(validator(kind).iter_errors(plain(file)))


@pytest.mark.parametrize(
    "duration", ["90s", "10m", "26h", "7d", "1w", "1h30m", pytest.param("1h 30m", id="blank"), "90", "-1h", ""]
)
def test_the_schema_and_validation_agree_on_durations(duration: str) -> None:
    policy = {"cluster": "c", "repository": "r", "objectives": {"rpo": duration}}
    fits = validator("policy").is_valid(policy)
    try:
        FILES["policy"].model_validate(policy)
    except ValueError:
        assert not fits
    else:
        assert fits


@pytest.mark.parametrize("reference", ["${PASSWORD}", "file:/run/secret", "command:pass show x", "hunter2", "${1}", ""])
def test_the_schema_and_validation_agree_on_references_to_secrets(reference: str) -> None:
    clusters = {"clusters": {"c": {"frontends": [{"name": "a", "host": "b"}], "password": reference}}}
    fits = validator("clusters").is_valid(clusters)
    try:
        FILES["clusters"].model_validate(clusters)
    except ValueError:
        assert not fits
    else:
        assert fits


def test_every_default_fits_its_own_schema() -> None:
    limits = json_schema("policy")["$defs"]["LimitsSection"]
    defaults = {key: value["default"] for key, value in limits["properties"].items()}
    policy = {"cluster": "c", "repository": "r", "limits": defaults}
    assert [e.message for e in validator("policy").iter_errors(policy)] == []
