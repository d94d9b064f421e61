"""The machines that FEs run on: base.py says what is asked of one, docker.py and local.py reach it."""
