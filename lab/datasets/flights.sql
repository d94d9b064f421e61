-- Flights that left New York in 2013. Months for flights, airports of departure for their weather.
CREATE DATABASE flights;

CREATE TABLE flights.airlines (
    carrier VARCHAR(2) NOT NULL,
    name VARCHAR(64) NOT NULL
) DUPLICATE KEY (carrier)
DISTRIBUTED BY HASH (carrier) BUCKETS 1
PROPERTIES ("replication_num" = "${replicas_3}");

CREATE TABLE flights.airports (
    faa VARCHAR(3) NOT NULL,
    name VARCHAR(128) NOT NULL,
    lat DOUBLE,
    lon DOUBLE,
    alt INT,
    tz INT,
    dst VARCHAR(1),
    tzone VARCHAR(64)
) UNIQUE KEY (faa)
DISTRIBUTED BY HASH (faa) BUCKETS 2
PROPERTIES ("replication_num" = "${replicas_3}");

CREATE TABLE flights.planes (
    tailnum VARCHAR(6) NOT NULL,
    year INT,
    type VARCHAR(32),
    manufacturer VARCHAR(64),
    model VARCHAR(32),
    engines INT,
    seats INT,
    speed INT,
    engine VARCHAR(16)
) PRIMARY KEY (tailnum)
DISTRIBUTED BY HASH (tailnum) BUCKETS 3
PROPERTIES ("replication_num" = "${replicas_3}");

CREATE TABLE flights.weather (
    origin VARCHAR(3) NOT NULL,
    time_hour DATETIME NOT NULL COMMENT "UTC",
    temp DOUBLE COMMENT "Fahrenheit",
    dewp DOUBLE COMMENT "Fahrenheit",
    humid DOUBLE,
    wind_dir INT,
    wind_speed DOUBLE COMMENT "miles per hour",
    wind_gust DOUBLE COMMENT "miles per hour",
    precip DOUBLE COMMENT "inches",
    pressure DOUBLE COMMENT "millibars",
    visib DOUBLE COMMENT "miles"
) DUPLICATE KEY (origin, time_hour)
PARTITION BY LIST (origin) (
    PARTITION newark VALUES IN ("EWR"),
    PARTITION new_york VALUES IN ("JFK", "LGA")
)
DISTRIBUTED BY HASH (time_hour) BUCKETS 2
PROPERTIES ("replication_num" = "${replicas_3}");

CREATE TABLE flights.flights (
    time_hour DATETIME NOT NULL COMMENT "UTC",
    carrier VARCHAR(2) NOT NULL,
    flight INT NOT NULL,
    tailnum VARCHAR(6),
    origin VARCHAR(3) NOT NULL,
    dest VARCHAR(3) NOT NULL,
    sched_dep_time INT NOT NULL COMMENT "hhmm, local",
    dep_time INT COMMENT "hhmm, local; NULL if cancelled",
    dep_delay INT COMMENT "minutes",
    sched_arr_time INT NOT NULL,
    arr_time INT,
    arr_delay INT,
    air_time INT COMMENT "minutes",
    distance INT NOT NULL COMMENT "miles"
) DUPLICATE KEY (time_hour, carrier, flight)
PARTITION BY RANGE (time_hour) (START ("2013-01-01") END ("2014-02-01") EVERY (INTERVAL 1 MONTH))
DISTRIBUTED BY HASH (flight) BUCKETS 3
PROPERTIES ("replication_num" = "${replicas_3}");
