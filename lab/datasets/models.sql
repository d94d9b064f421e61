-- A table of every kind that a backup meets: the four models, every way to partition, every number of replicas, names
-- that need quoting, nothing at all, a view, a materialized view, and columns of the types that are hard to keep.

-- The table of the cluster's own runbook.
CREATE DATABASE cluster_test;

CREATE TABLE cluster_test.distributed_table (
    id INT,
    name VARCHAR(50),
    value DECIMAL(10, 2),
    created_at DATETIME
) DUPLICATE KEY (id)
DISTRIBUTED BY HASH (id) BUCKETS 6
PROPERTIES ("replication_num" = "${replicas_3}");

INSERT INTO cluster_test.distributed_table VALUES
    (1, "test1", 100.50, "2026-01-01 10:00:00"),
    (2, "test2", 200.75, "2026-01-01 11:00:00"),
    (3, "test3", 300.25, "2026-01-02 09:30:00");

CREATE DATABASE models;

-- DUPLICATE KEY, RANGE partitions up to MAXVALUE. The flights of the first week of 2013 are loaded into
-- it; most other tables are made from it.
CREATE TABLE models.departures (
    time_hour DATETIME NOT NULL,
    carrier VARCHAR(2) NOT NULL,
    flight INT NOT NULL,
    tailnum VARCHAR(6),
    origin VARCHAR(3) NOT NULL,
    dest VARCHAR(3) NOT NULL,
    dep_delay INT,
    air_time INT
) DUPLICATE KEY (time_hour, carrier, flight)
COMMENT "departures from New York, first week of 2013"
PARTITION BY RANGE (time_hour) (
    PARTITION p_before VALUES LESS THAN ("2013-01-02"),
    PARTITION p_2 VALUES LESS THAN ("2013-01-03"),
    PARTITION p_3 VALUES LESS THAN ("2013-01-05"),
    PARTITION p_after VALUES LESS THAN (MAXVALUE)
)
DISTRIBUTED BY HASH (flight) BUCKETS 2
PROPERTIES ("replication_num" = "${replicas_2}");

-- AGGREGATE KEY, a partition a day by expression.
CREATE TABLE models.carrier_days (
    day DATE NOT NULL,
    carrier VARCHAR(2) NOT NULL,
    flights BIGINT SUM DEFAULT "0",
    minutes BIGINT SUM,
    worst_delay INT MAX,
    best_delay INT MIN,
    last_dest VARCHAR(3) REPLACE
) AGGREGATE KEY (day, carrier)
PARTITION BY date_trunc('day', day)
DISTRIBUTED BY HASH (carrier) BUCKETS 2
PROPERTIES ("replication_num" = "${replicas_3}");

INSERT INTO models.carrier_days
SELECT CAST(time_hour AS DATE), carrier, 1, air_time, dep_delay, dep_delay, dest FROM models.departures;

-- UNIQUE KEY, LIST partitions of several values. Loaded twice: the second time wins.
CREATE TABLE models.last_seen (
    origin VARCHAR(3) NOT NULL,
    tailnum VARCHAR(6) NOT NULL,
    seen DATETIME,
    dest VARCHAR(3)
) UNIQUE KEY (origin, tailnum)
PARTITION BY LIST (origin) (
    PARTITION newark VALUES IN ("EWR"),
    PARTITION new_york VALUES IN ("JFK", "LGA")
)
DISTRIBUTED BY HASH (tailnum) BUCKETS 2
PROPERTIES ("replication_num" = "${replicas_1}");

INSERT INTO models.last_seen
SELECT origin, tailnum, max(time_hour), min(dest) FROM models.departures
WHERE tailnum IS NOT NULL AND time_hour < "2013-01-04" GROUP BY origin, tailnum;

INSERT INTO models.last_seen
SELECT origin, tailnum, max(time_hour), min(dest) FROM models.departures
WHERE tailnum IS NOT NULL AND time_hour >= "2013-01-04" GROUP BY origin, tailnum;

-- PRIMARY KEY, a partition for every value of a column.
CREATE TABLE models.routes (
    origin VARCHAR(3) NOT NULL,
    dest VARCHAR(3) NOT NULL,
    flights BIGINT NOT NULL,
    delay_total BIGINT
) PRIMARY KEY (origin, dest)
PARTITION BY (origin)
DISTRIBUTED BY HASH (dest) BUCKETS 2
PROPERTIES ("replication_num" = "${replicas_2}");

INSERT INTO models.routes
SELECT origin, dest, count(*), sum(dep_delay) FROM models.departures GROUP BY origin, dest;

DELETE FROM models.routes WHERE dest = "ATL";

-- PRIMARY KEY, RANGE partitions by the START, END, EVERY form.
CREATE TABLE models.cancelled (
    time_hour DATETIME NOT NULL,
    carrier VARCHAR(2) NOT NULL,
    flight INT NOT NULL,
    origin VARCHAR(3)
) PRIMARY KEY (time_hour, carrier, flight)
PARTITION BY RANGE (time_hour) (START ("2013-01-01") END ("2013-01-10") EVERY (INTERVAL 3 DAY))
DISTRIBUTED BY HASH (flight) BUCKETS 1
PROPERTIES ("replication_num" = "${replicas_1}");

INSERT INTO models.cancelled
SELECT time_hour, carrier, flight, origin FROM models.departures WHERE dep_delay IS NULL;

-- No partitions.
CREATE TABLE models.destinations (
    dest VARCHAR(3) NOT NULL,
    carriers BIGINT,
    longest INT
) DUPLICATE KEY (dest)
DISTRIBUTED BY HASH (dest) BUCKETS 4
PROPERTIES ("replication_num" = "${replicas_3}");

INSERT INTO models.destinations
SELECT dest, count(DISTINCT carrier), max(air_time) FROM models.departures GROUP BY dest;

-- Nothing in it: one without partitions, one whose partitions all stay empty.
CREATE TABLE models.empty_table (
    id BIGINT NOT NULL,
    note STRING
) DUPLICATE KEY (id)
DISTRIBUTED BY HASH (id) BUCKETS 2
PROPERTIES ("replication_num" = "${replicas_1}");

CREATE TABLE models.empty_partitions (
    day DATE NOT NULL,
    id BIGINT
) DUPLICATE KEY (day)
PARTITION BY RANGE (day) (
    PARTITION p1 VALUES [("2026-01-01"), ("2026-02-01")),
    PARTITION p2 VALUES [("2026-02-01"), ("2026-03-01"))
)
DISTRIBUTED BY HASH (day) BUCKETS 1
PROPERTIES ("replication_num" = "${replicas_1}");

-- Types at their edges.
CREATE TABLE models.types (
    id INT NOT NULL,
    a_boolean BOOLEAN,
    a_tinyint TINYINT,
    a_smallint SMALLINT,
    a_bigint BIGINT,
    a_largeint LARGEINT,
    a_float FLOAT,
    a_double DOUBLE,
    a_decimal DECIMAL(9, 2),
    a_long_decimal DECIMAL(38, 10),
    a_char CHAR(5),
    a_varchar VARCHAR(100) DEFAULT "" COMMENT "it's \"quoted\"",
    a_string STRING,
    a_date DATE,
    a_datetime DATETIME,
    a_json JSON,
    an_array ARRAY<INT>,
    a_varbinary VARBINARY
) DUPLICATE KEY (id)
DISTRIBUTED BY HASH (id) BUCKETS 1
PROPERTIES ("replication_num" = "${replicas_3}");

INSERT INTO models.types VALUES
    (1, true, 127, 32767, 9223372036854775807, 170141183460469231731687303715884105727, 0.5, 1.7976931348623157e308,
     9999999.99, 9999999999999999999999999999.9999999999, "abcde", "東京 → Zürich", "it's \"quoted\" \\ and | piped",
     "9999-12-31", "9999-12-31 23:59:59", parse_json('{"a": [1, null, "ü"], "b": {"c": 1.5}}'), [1, 2, NULL], x'00ff7c0a'),
    (2, false, -128, -32768, -9223372036854775808, -170141183460469231731687303715884105728, -0.5, -2.5,
     -9999999.99, -0.0000000001, "", "", "", "0001-01-01", "0001-01-01 00:00:00", parse_json('[]'), [], x''),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, true, 0, 0, 0, 0, 0, 0, 0, 0, "emoji", "🛫", "two\nlines",
     "2024-02-29", "2024-02-29 12:34:56.789012", parse_json('"text"'), [-1], x'e6b885');

-- A view, and a materialized view with data of its own.
CREATE VIEW models.delays (carrier COMMENT "IATA code", flights, mean_delay) COMMENT "delays by carrier"
AS SELECT carrier, count(*), avg(dep_delay) FROM models.departures GROUP BY carrier;

CREATE MATERIALIZED VIEW models.departures_by_origin
DISTRIBUTED BY HASH (origin) BUCKETS 2
REFRESH DEFERRED MANUAL
PROPERTIES ("replication_num" = "${replicas_1}")
AS SELECT origin, count(*) AS flights, sum(dep_delay) AS delay FROM models.departures GROUP BY origin;

REFRESH MATERIALIZED VIEW models.departures_by_origin WITH SYNC MODE;

-- Names that must be quoted everywhere.
CREATE DATABASE `odd-names`;

CREATE TABLE `odd-names`.`order` (
    `select` INT NOT NULL,
    `from` VARCHAR(20),
    `a-b` INT,
    `Größe` DECIMAL(5, 2)
) DUPLICATE KEY (`select`)
DISTRIBUTED BY HASH (`select`) BUCKETS 1
PROPERTIES ("replication_num" = "${replicas_1}");

INSERT INTO `odd-names`.`order` VALUES (1, "x", 2, 1.25), (2, NULL, NULL, NULL);

CREATE TABLE `odd-names`.`t-1` (
    `key` DATE NOT NULL,
    `values` INT
) UNIQUE KEY (`key`)
DISTRIBUTED BY HASH (`key`) BUCKETS 1
PROPERTIES ("replication_num" = "${replicas_2}");

INSERT INTO `odd-names`.`t-1` VALUES ("2026-01-01", 1), ("2026-01-02", 2);

CREATE DATABASE empty_database;
