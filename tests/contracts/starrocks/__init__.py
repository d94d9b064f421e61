"""What srbackup relies on of StarRocks, each thing once: a sentence, where it is known from, and a test of it that runs
against the fake of the unit tests, the lab's releases, and a real cluster.

The real one is named in the environment: SRBACKUP_LIVE_FE=host:port, SRBACKUP_LIVE_USER, SRBACKUP_LIVE_PASSWORD, and
SRBACKUP_LIVE_REPOSITORY=s3://bucket/prefix with SRBACKUP_LIVE_ENDPOINT, SRBACKUP_LIVE_CLUSTER_ENDPOINT (if it differs),
SRBACKUP_LIVE_ACCESS_KEY and SRBACKUP_LIVE_SECRET_KEY. The tests make databases and a repository of their own there and
drop them again. With SRBACKUP_SEEN=1 what held is written down for docs/reference/what-we-rely-on.md.
"""
