"""StarRocks' functions in DuckDB: macros for those whose names or arguments differ, and rewrites for the rest.

Hashes have StarRocks' meaning of arguments (NULL if any of them is NULL; chained, so that ('ab','c') is not ('a','bc'))
and not its values: nothing that was computed here compares with a real cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp

MACROS = """
from_binary(x, f) AS CASE lower(f) WHEN 'hex' THEN hex(x) WHEN 'encode64' THEN to_base64(x) ELSE decode(x) END
to_binary(x, f) AS CASE lower(f) WHEN 'hex' THEN unhex(x) WHEN 'encode64' THEN from_base64(x) ELSE encode(x) END
json_string(j) AS CAST(j AS VARCHAR)
parse_json(s) AS CAST(s AS JSON)
get_json_string(j, p) AS json_extract_string(j, p)
get_json_int(j, p) AS CAST(json_extract_string(j, p) AS BIGINT)
get_json_double(j, p) AS CAST(json_extract_string(j, p) AS DOUBLE)
json_query(j, p) AS json_extract(j, p)
to_bitmap(x) AS [CAST(x AS UBIGINT)]
bitmap_from_string(s) AS list_sort(list_distinct(list_transform(string_split(s, ','), lambda v: CAST(v AS UBIGINT))))
bitmap_empty() AS CAST([] AS UBIGINT[])
bitmap_to_string(b) AS array_to_string(list_sort(b), ',')
bitmap_count(b) AS CASE WHEN b IS NULL THEN 0 ELSE len(b) END
bitmap_min(b) AS list_min(b)
bitmap_max(b) AS list_max(b)
bitmap_to_array(b) AS list_sort(b)
bitmap_union(b) AS list_sort(list_distinct(flatten(list(b))))
bitmap_union_count(b) AS len(list_distinct(flatten(list(b))))
hll_hash(x) AS [hash(x)]
hll_empty() AS CAST([] AS UBIGINT[])
hll_cardinality(h) AS CASE WHEN h IS NULL THEN 0 ELSE len(h) END
hll_union(h) AS list_sort(list_distinct(flatten(list(h))))
hll_union_agg(h) AS len(list_distinct(flatten(list(h))))
percentile_hash(x) AS [CAST(x AS DOUBLE)]
percentile_empty() AS CAST([] AS DOUBLE[])
percentile_union(p) AS flatten(list(p))
percentile_approx_raw(p, q) AS list_aggregate(p, 'quantile_cont', q)
ndv(x) AS approx_count_distinct(x)
array_length(a) AS len(a)
array_avg(a) AS list_avg(a)
array_sum(a) AS list_sum(a)
array_join(a, s) AS array_to_string(a, s)
map_size(m) AS cardinality(m)
to_date(x) AS CAST(x AS DATE)
str2date(x, f) AS CAST(strptime(x, f) AS DATE)
from_unixtime(x) AS strftime(make_timestamp(CAST(x AS BIGINT) * 1000000), '%Y-%m-%d %H:%M:%S')
from_unixtime(x, f) AS strftime(make_timestamp(CAST(x AS BIGINT) * 1000000), f)
days_add(d, n) AS d + to_days(CAST(n AS INTEGER))
hours_add(d, n) AS d + to_hours(CAST(n AS BIGINT))
minutes_add(d, n) AS d + to_minutes(CAST(n AS BIGINT))
seconds_add(d, n) AS d + to_seconds(CAST(n AS BIGINT))
months_add(d, n) AS d + to_months(CAST(n AS INTEGER))
years_add(d, n) AS d + to_years(CAST(n AS INTEGER))
time_slice(d, n, u, b) AS time_bucket(CAST(n || ' ' || u AS INTERVAL), d, TIMESTAMP '0001-01-01 00:00:00')
crc32(s) AS CAST(hash(s) % 4294967296 AS BIGINT)
murmur_hash3_64(s) AS CAST(CAST(hash(s, 'm64') AS HUGEINT) - 9223372036854775808 AS BIGINT)
bitand(a, b) AS a & b
bitor(a, b) AS a | b
bitxor(a, b) AS xor(a, b)
null_or_empty(s) AS s IS NULL OR s = ''
uuid_numeric() AS CAST(hash(uuid()) AS HUGEINT)
any_value_of(x) AS any_value(x)
"""
HASHES = {
    # name -> salt, modulus, offset, type
    "XX_HASH3_64": ("xx", 1 << 64, 1 << 63, "BIGINT"),
    "MURMUR_HASH3_32": ("mm", 1 << 32, 1 << 31, "INTEGER"),
    "XX_HASH3_128": ("x1", 1 << 64, 1 << 63, "HUGEINT"),
    "XX_HASH64": ("x6", 1 << 64, 1 << 63, "BIGINT"),
}


def define(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros; overloads of one name go into one statement."""
    bodies: dict[str, list[str]] = {}
    for line in MACROS.strip().splitlines():
        head, _, body = line.partition(" AS ")
        name, _, arguments = head.partition("(")
        bodies.setdefault(name, []).append(f"({arguments} AS {body}")
    for name, overloads in bodies.items():
        connection.execute(f"CREATE MACRO {name} {', '.join(overloads)}")


def rewritten(call: exp.Anonymous) -> exp.Expr | None:
    """A call that no macro can express, as DuckDB says it; nothing for all others."""
    from sqlglot import exp, parse_one

    name = str(call.this).upper()
    if name in HASHES:
        salt, modulus, offset, type_ = HASHES[name]
        arguments = [f"CAST({part.sql(dialect='duckdb')} AS VARCHAR)" for part in call.expressions]
        nulls = " OR ".join(f"{part} IS NULL" for part in arguments)
        hashed = f"hash('{salt}', {', '.join(arguments)}) % CAST({modulus} AS HUGEINT)"
        value = f"CAST(CAST({hashed} AS HUGEINT) - {offset} AS {type_})"
        return parse_one(f"CASE WHEN {nulls} THEN NULL ELSE {value} END", read="duckdb")
    if name == "ROW":
        pairs = ", ".join(
            f"'col{number}': {part.sql(dialect='duckdb')}" for number, part in enumerate(call.expressions, 1)
        )
        return parse_one(f"{{{pairs}}}", read="duckdb")
    if name == "NAMED_STRUCT":
        parts = [part.sql(dialect="duckdb") for part in call.expressions]
        body = ", ".join(f"{key}: {value}" for key, value in zip(parts[::2], parts[1::2], strict=True))
        return parse_one(f"{{{body}}}", read="duckdb")
    if name == "SLEEP":
        return exp.Literal.number(1)
    return None
