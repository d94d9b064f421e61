"""The records that an FE's metadata consists of.

Every record is a value: it is never changed, only replaced, and the journal holds the replacements. Ids are given
out in StarRocks' order, so that `partition id < table id < index id < physical partition id < tablet id < replica id`
within one CREATE TABLE.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lab.meta.types import ColumnType

SHADOW = "$shadow_automatic_partition"
INIT_VERSION = 1  # Partition.PARTITION_INIT_VERSION: never loaded since it was created


class KeysType(StrEnum):
    """The data model."""

    DUP_KEYS = "DUP_KEYS"
    AGG_KEYS = "AGG_KEYS"
    UNIQUE_KEYS = "UNIQUE_KEYS"
    PRIMARY_KEYS = "PRIMARY_KEYS"

    @property
    def word(self) -> str:
        return {"DUP_KEYS": "DUPLICATE", "AGG_KEYS": "AGGREGATE", "UNIQUE_KEYS": "UNIQUE", "PRIMARY_KEYS": "PRIMARY"}[
            self.value
        ]


class TableState(StrEnum):
    """OlapTable.OlapTableState, as far as the lab gets there."""

    NORMAL = "NORMAL"
    SCHEMA_CHANGE = "SCHEMA_CHANGE"
    ROLLUP = "ROLLUP"
    OPTIMIZE = "OPTIMIZE"
    RESTORE = "RESTORE"


class PartitionType(StrEnum):
    """As SHOW PROC '/dbs/<id>' names them."""

    UNPARTITIONED = "UNPARTITIONED"
    RANGE = "RANGE"
    EXPR_RANGE = "EXPR_RANGE"
    EXPR_RANGE_V2 = "EXPR_RANGE_V2"
    LIST = "LIST"


@dataclass(frozen=True, slots=True)
class Database:
    id: int
    name: str
    quota: int | None = None
    replica_quota: int | None = None


@dataclass(frozen=True, slots=True)
class ColumnRecord:
    """A column; `unique_id` is its name in the rowset files and outlives a rename."""

    name: str
    type: ColumnType
    unique_id: int
    is_key: bool = False
    nullable: bool = True
    aggregation: str = ""
    default: str | None = None
    default_expression: str = ""
    auto_increment: bool = False
    generated: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """A secondary index (bitmap, n-gram, GIN, vector)."""

    name: str
    columns: tuple[str, ...]
    kind: str
    properties: dict[str, str] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True, slots=True)
class MaterializedIndex:
    """The base index or a rollup: which columns, and under which schema."""

    id: int
    name: str
    schema_version: int
    schema_hash: int
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartitionScheme:
    """How rows find their partition: the columns, and for expressions what is computed of them."""

    type: PartitionType = PartitionType.UNPARTITIONED
    columns: tuple[str, ...] = ()
    expression: str = ""
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Refresh:
    """What makes an OLAP table a materialized view."""

    query: str
    db: str
    scheme: str
    base_tables: tuple[int, ...]
    columns_named: bool = False
    active: bool = True
    inactive_reason: str = ""
    last_refresh: datetime | None = None
    partition_ref: str = ""


@dataclass(frozen=True, slots=True)
class OlapTable:
    """A table or, with a `refresh`, a materialized view."""

    id: int
    db_id: int
    name: str
    keys_type: KeysType
    columns: tuple[ColumnRecord, ...]
    keys: tuple[str, ...]
    scheme: PartitionScheme
    partitions: tuple[int, ...]
    temp_partitions: tuple[int, ...] = ()
    indexes: tuple[MaterializedIndex, ...] = ()
    index_specs: tuple[IndexSpec, ...] = ()
    distribution_columns: tuple[str, ...] = ()
    buckets: int | None = None
    random: bool = False
    sort_keys: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)
    comment: str = ""
    state: TableState = TableState.NORMAL
    created: datetime | None = None
    next_unique_id: int = 0
    auto_increment: int | None = None
    refresh: Refresh | None = None
    temporary: bool = False

    @property
    def type(self) -> str:
        return "MATERIALIZED_VIEW" if self.refresh else "OLAP"

    @property
    def base_index(self) -> MaterializedIndex:
        return self.indexes[0]

    @property
    def replication_num(self) -> int:
        return int(self.properties["replication_num"])

    def column(self, name: str) -> ColumnRecord | None:
        """A column by its name; column names do not mind case."""
        return next((column for column in self.columns if column.name.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class View:
    """A logical view; `db` is where its text was typed, which is what unqualified names in it mean."""

    id: int
    db_id: int
    name: str
    query: str
    db: str
    columns: tuple[ColumnRecord, ...]
    columns_named: bool = False
    comment: str = ""
    security: str = "NONE"
    created: datetime | None = None

    @property
    def type(self) -> str:
        return "VIEW"


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """A table whose rows are elsewhere (ENGINE=mysql, file, ...): shown, never read, never backed up."""

    id: int
    db_id: int
    name: str
    engine: str
    columns: tuple[ColumnRecord, ...]
    properties: dict[str, str] = field(default_factory=dict)
    comment: str = ""
    created: datetime | None = None

    @property
    def type(self) -> str:
        return self.engine.upper()


@dataclass(frozen=True, slots=True)
class Replica:
    """One copy of a tablet. It is at its partition's visible version unless `version` says that it lags."""

    id: int
    backend_id: int
    version: int | None = None
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Tablet:
    id: int
    replicas: tuple[Replica, ...]


@dataclass(frozen=True, slots=True)
class PhysicalPartition:
    """The rows of a partition: versions, and tablets by index. A random-distribution partition may have several."""

    id: int
    visible_version: int
    visible_time: datetime
    next_version: int
    data_version: int
    version_epoch: int
    buckets: int
    tablets: dict[int, tuple[Tablet, ...]]
    rows: int = 0
    data_size: int = 0


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition with its range or its values. In a bound None is the end of all values."""

    id: int
    table_id: int
    name: str
    replication_num: int
    physical: tuple[PhysicalPartition, ...]
    lower: tuple[str | None, ...] | None = None
    upper: tuple[str | None, ...] | None = None
    values: tuple[tuple[str | None, ...], ...] | None = None
    medium: str = "HDD"
    cooldown: datetime | None = None
    min_lower: bool = False

    @property
    def main(self) -> PhysicalPartition:
        """The first physical partition, the only one unless distribution is random."""
        return self.physical[0]

    @property
    def is_shadow(self) -> bool:
        return self.name.startswith("$")


@dataclass(frozen=True, slots=True)
class Recycled:
    """Something in the recycle bin since `dropped`: a database with all that was in it, a table, or a partition."""

    id: int
    dropped: datetime
    database: Database | None = None
    tables: tuple[OlapTable, ...] = ()
    views: tuple[View, ...] = ()
    partition: Partition | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """A committed load that is not visible on all backends yet (transaction/TransactionState)."""

    id: int
    label: str
    db_id: int
    table_id: int
    committed: datetime
    versions: dict[int, int]  # physical partition id -> version
    rows: dict[int, int] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlterJob:
    """A row of SHOW ALTER TABLE; an unfinished one holds its table in a state."""

    id: int
    db_id: int
    table_id: int
    kind: str
    created: datetime
    finished: datetime | None
    state: str
    timeout: int
    transaction_id: int
    index_name: str = ""
    index_id: int = 0
    origin_index_id: int = 0
    schema: str = ""
    base_index_name: str = ""
    operation: str = ""
    message: str = ""
    columns: tuple[ColumnRecord, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)
    index_specs: tuple[IndexSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Repository:
    """Credentials stay in the metadata as they were given."""

    id: int
    name: str
    created: datetime
    read_only: bool
    location: str
    prefix: str
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frontend:
    """An FE of the cluster. It counts for the majority from the moment it has `joined`, not from ADD FOLLOWER on."""

    id: int
    name: str
    host: str
    edit_log_port: int
    role: str = "FOLLOWER"
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Backend:
    id: int
    host: str
    heartbeat_port: int
    decommissioned: bool = False


@dataclass(frozen=True, slots=True)
class GlobalVariable:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class IdBatch:
    """Ids are reserved by the thousand, so that one never comes twice (FeConstants.id_batch)."""

    name: str
    end: int
