"""K-nearest neighbours."""
