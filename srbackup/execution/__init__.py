"""Plans carried out: steps that may be asked twice, watched jobs, and a listener that is told of everything."""
