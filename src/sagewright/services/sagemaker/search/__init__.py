"""Search over the resources of an account by their properties."""
