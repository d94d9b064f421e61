"""Ways to tell somebody: webhooks and commands."""
