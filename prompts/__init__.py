"""What the model is told, as files with named holes."""
