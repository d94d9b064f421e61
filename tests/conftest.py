"""Fixtures that all tests may use: servers and labs come from the lab's own plugin."""

pytest_plugins = ["lab.pytest_plugin"]
