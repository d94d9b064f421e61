"""What can be said to an FE: one dataclass a statement, with its syntax as the manual writes it."""
