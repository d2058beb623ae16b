"""What the engine does with whole programs, one file per behavior."""
