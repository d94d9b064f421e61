"""Column types: StarRocks' names for them, and what they are in MySQL's protocol and in DuckDB."""

from __future__ import annotations

from dataclasses import dataclass

from lab.answers import Type

_ALIASES = {
    "bool": "boolean",
    "integer": "int",
    "string": "varchar",
    "text": "varchar",
    "binary": "varbinary",
    "decimalv2": "decimal",
    "decimal32": "decimal",
    "decimal64": "decimal",
    "decimal128": "decimal",
    "numeric": "decimal",
    "number": "decimal",
}
_WIDTHS = {"tinyint": 4, "smallint": 6, "int": 11, "bigint": 20, "largeint": 40}
_MYSQL = {
    "boolean": Type.TINYINT,
    "tinyint": Type.TINYINT,
    "smallint": Type.SMALLINT,
    "int": Type.INT,
    "bigint": Type.BIGINT,
    "float": Type.FLOAT,
    "double": Type.DOUBLE,
    "date": Type.DATE,
    "datetime": Type.DATETIME,
    "decimal": Type.DECIMAL,
    "varchar": Type.VARCHAR,
    "varbinary": Type.BLOB,
}
_DUCKDB = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "largeint": "HUGEINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "char": "VARCHAR",
    "varchar": "VARCHAR",
    "json": "JSON",
    "varbinary": "BLOB",
    "bitmap": "UBIGINT[]",
    "hll": "UBIGINT[]",
    "percentile": "DOUBLE[]",
}
KNOWN = frozenset({*_DUCKDB, "decimal", "array", "map", "struct"})
STRING_LENGTH = 65533


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type by its canonical name, with length or precision, and with element types for the complex ones."""

    name: str
    args: tuple[int, ...] = ()
    inner: tuple[ColumnType, ...] = ()
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As SHOW CREATE TABLE prints it."""
        return self.printed(widths=True)

    def printed(self, *, widths: bool) -> str:
        """With the display widths of integers (SHOW CREATE) or without (DESC)."""
        parts = [part.printed(widths=widths) for part in self.inner]
        match self.name:
            case "array":
                return f"array<{parts[0]}>"
            case "map":
                return f"map<{parts[0]},{parts[1]}>"
            case "struct":
                return f"struct<{', '.join(map(' '.join, zip(self.fields, parts, strict=True)))}>"
            case "decimal":
                return (
                    f"decimal({self.args[0]}, {self.args[1]})" if widths else f"decimal({self.args[0]},{self.args[1]})"
                )
            case name if name in _WIDTHS:
                return f"{name}({_WIDTHS[name]})" if widths else name
            case name:
                return f"{name}({self.args[0]})" if self.args else name

    @property
    def mysql(self) -> Type:
        return _MYSQL.get(self.name, Type.STRING)

    @property
    def duckdb(self) -> str:
        """The type in DuckDB. DECIMAL wider than 38 digits has none there and is kept as a double."""
        match self.name:
            case "decimal":
                precision, scale = self.args
                return f"DECIMAL({precision},{scale})" if precision <= 38 else "DOUBLE"
            case "array":
                return f"{self.inner[0].duckdb}[]"
            case "map":
                return f"MAP({self.inner[0].duckdb}, {self.inner[1].duckdb})"
            case "struct":
                members = zip(self.fields, self.inner, strict=True)
                return f"STRUCT({', '.join(f'{name} {part.duckdb}' for name, part in members)})"
            case name:
                return _DUCKDB[name]

    @property
    def parquet(self) -> str:
        """The type in a rowset file: Parquet has no 128-bit integer, so LARGEINT is text there."""
        return "VARCHAR" if self.name == "largeint" else self.duckdb

    @property
    def is_text(self) -> bool:
        return self.name in {"char", "varchar"}


def column_type(
    name: str, args: tuple[int, ...] = (), inner: tuple[ColumnType, ...] = (), fields: tuple[str, ...] = ()
) -> ColumnType:
    """A type as written, made canonical: aliases resolved, default lengths filled in."""
    lower = name.lower()
    canonical = _ALIASES.get(lower, lower)
    match canonical:
        case "varchar" if not args:
            args = (STRING_LENGTH if lower != "varchar" else 1048576,)
        case "char" if not args:
            args = (1,)
        case "decimal":
            args = (args[0] if args else 10, args[1] if len(args) > 1 else 0)
        case other if other in _WIDTHS:
            args = ()
    return ColumnType(canonical, args, inner, fields)
