"""A StarRocks cluster behind one door: base.py says what is asked, mysql.py asks it over the MySQL protocol."""
