"""The frontend: what a session may say and what the cluster answers."""
