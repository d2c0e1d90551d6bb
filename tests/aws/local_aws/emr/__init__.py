"""EMR: clusters whose nodes are folders with real processes."""
