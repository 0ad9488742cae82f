"""A file system's folder with the objects linked to it, by FUSE, in a process of its own: ``serve``."""
