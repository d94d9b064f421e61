"""The backend: tablets as rowset files on a disk, their snapshots, and the way to object storage."""
