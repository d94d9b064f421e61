"""README-RECOVERY.md at the root of every repository: how to restore with nothing but the bucket."""

README = """\
# This bucket holds backups of StarRocks made by srbackup

Everything needed for a restore is here. With srbackup (`pip install srbackup`), on any host:

1. Write `repositories.yaml` with the url and endpoint of this bucket, and `clusters.yaml` with the new cluster.
2. `srbackup list --repository NAME` shows the recovery points.
3. `srbackup restore latest --to NEW-CLUSTER --dry-run`, then without `--dry-run`.

Without srbackup, by hand, for each database of a point (`clusters/<cluster>/points/<point>/`):

1. `manifest.json` names the StarRocks repository (`starrocks_repository`) and, for each database, `label` and
   `backup_timestamp`.
2. On the new cluster: `CREATE READ ONLY REPOSITORY <starrocks_repository> WITH BROKER ON LOCATION
   "s3a://<this bucket>/<this prefix>" PROPERTIES ("aws.s3.access_key"="...", "aws.s3.secret_key"="...",
   "aws.s3.endpoint"="...", "aws.s3.enable_path_style_access"="true");` The name is part of the path: keep it.
3. `CREATE DATABASE <database>;` then `RESTORE SNAPSHOT <database>.<label> FROM <starrocks_repository> PROPERTIES
   ("backup_timestamp"="<backup_timestamp>", "replication_num"="<at most the number of backends>");`
4. Watch `SHOW RESTORE FROM <database>;` until FINISHED.
5. Views and materialized views are in `definitions/<database>.json.zst` (`zstd -d`): run their statements.

A point without a COMMIT object was never finished: do not use it.
FE metadata of the leader, where it was taken, is below `metadata/` (`zstd -d`); it contains secrets.
"""
