"""One process that carries out what the schedules of all policies make due."""
