"""Objects: in, out, copied, deleted, listed, tagged."""
