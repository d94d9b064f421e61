"""Recovery points in the bucket: where everything lies, how it is written down, and who may write."""
