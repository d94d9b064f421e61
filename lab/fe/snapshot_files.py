"""`__info_<timestamp>` and `__meta` of a snapshot: what they hold and how they are read (BackupJobInfo, BackupMeta)."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import msgspec

from lab.errors import Refused
from lab.fe.repository import json_object, required
from lab.meta.hash_order import hash_order
from lab.meta.jobs import BackupJob, BackupMeta
from lab.meta.records import OlapTable, Partition, View
from lab.versions import Release

META_VERSION = 92  # FeMetaVersion.VERSION_92
STARROCKS_META_VERSION = 4


def info_document(job: BackupJob, content: BackupMeta, release: Release) -> dict[str, Any]:
    """The document that says which tablets a snapshot consists of; no sizes, no rows, no release."""
    objects: dict[str, Any] = {}
    for view in content.views:
        objects[view.name] = {"partitions": {}, "id": view.id}
    for table in content.tables:
        mine = [one for one in content.partitions if one.table_id == table.id]
        entry: dict[str, Any] = {
            "partitions": {one.name: _partition(table, one, release) for one in mine},
            "id": table.id,
        }
        if (table.auto_increment or 1) > 1:
            entry["autoIncrementId"] = table.auto_increment
        objects[table.name] = entry
    return {
        "database": job.db_name,
        "meta_version": META_VERSION,
        "backup_time": int(job.created.timestamp() * 1000),
        "name": job.label,
        "starrocks_meta_version": STARROCKS_META_VERSION,
        "backup_result": "succeed",
        "id": job.db_id,
        "backup_objects": {name: objects[name] for name in hash_order(one.name for one in job.objects)},
    }


def _partition(table: OlapTable, partition: Partition, release: Release) -> dict[str, Any]:
    physical = {
        str(one.id): {"indexes": _indexes(table, one.tablets), "id": one.id, "version": one.visible_version}
        for one in partition.physical
    }
    entry: dict[str, Any] = {
        "indexes": {},
        "id": partition.id,
        "version_hash": 0,
        "version": partition.main.visible_version,
    }
    if release.info_has_sub_partitions:
        return {**entry, "subPartitions": physical}
    entry["indexes"] = physical[str(partition.main.id)]["indexes"]
    return entry if len(physical) == 1 else {**entry, "subPartitions": physical}


def _indexes(table: OlapTable, tablets: Mapping[int, tuple[Any, ...]]) -> dict[str, Any]:
    return {
        index.name: {
            "schema_hash": index.schema_hash,
            "tablets_order": [str(tablet.id) for tablet in tablets[index.id]],
            "id": index.id,
            "tablets": {str(tablet.id): [] for tablet in tablets[index.id]},
        }
        for index in table.indexes
    }


def read_info(data: bytes) -> dict[str, Any]:
    """The document, with what StarRocks cannot do without."""
    document = json_object(data.decode(errors="replace"))
    required(document, "name", "database", "id", "backup_time", "backup_objects")
    return document


def details(document: Mapping[str, Any]) -> str:
    """The Details of SHOW SNAPSHOT: the document without ids, as org.json prints it with an indent of 1."""
    objects: dict[str, Any] = {}
    for name, entry in document["backup_objects"].items():
        shown: dict[str, Any] = {"partitions": {partition: {} for partition in entry["partitions"]}}
        objects[name] = {"autoIncrementId": entry["autoIncrementId"], **shown} if "autoIncrementId" in entry else shown
    kept = {key: value for key, value in document.items() if key not in {"id", "backup_objects"}}
    return _pretty({**kept, "backup_objects": objects}, 0)


def _pretty(value: object, indent: int) -> str:
    if not isinstance(value, dict):
        return json.dumps(value)
    if not value:
        return "{}"
    items = [(json.dumps(key), item) for key, item in value.items()]
    if len(items) == 1:
        key, item = items[0]
        return f"{{{key}: {_pretty(item, indent)}}}"
    inner = " " * (indent + 1)
    return (
        "{\n" + ",\n".join(f"{inner}{key}: {_pretty(item, indent + 1)}" for key, item in items) + f"\n{' ' * indent}}}"
    )


# -- __meta


def meta_bytes(content: BackupMeta) -> bytes:
    """A length and JSON. Like StarRocks' own, the JSON is the persisted form of the tables and no public format."""
    tables: dict[str, Any] = {
        table.name: {
            "clazz": "OlapTable",
            "table": table,
            "partitions": [one for one in content.partitions if one.table_id == table.id],
        }
        for table in content.tables
    }
    tables |= {view.name: {"clazz": "View", "view": view} for view in content.views}
    body = msgspec.json.encode({"tblNameMap": tables, "functions": []})
    return struct.pack(">i", len(body)) + body


def read_meta(data: bytes) -> BackupMeta:
    """The tables of a snapshot."""
    try:
        document = json.loads(data[4:])
    except ValueError as error:
        raise Refused("Expected BEGIN_OBJECT but was STRING at line 1 column 1 path $") from error
    if not isinstance(document, dict) or "tblNameMap" not in document:
        raise Refused("Expected BEGIN_OBJECT but was STRING at line 1 column 1 path $")
    entries = list(document["tblNameMap"].values())
    tables = [entry for entry in entries if entry["clazz"] == "OlapTable"]
    return BackupMeta(
        tuple(msgspec.convert(entry["table"], OlapTable, str_keys=True) for entry in tables),
        tuple(msgspec.convert(one, Partition, str_keys=True) for entry in tables for one in entry["partitions"]),
        tuple(msgspec.convert(entry["view"], View, str_keys=True) for entry in entries if entry["clazz"] == "View"),
    )
