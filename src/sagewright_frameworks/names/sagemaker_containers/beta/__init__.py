"""Its public part."""
