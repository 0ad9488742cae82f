"""The supervisor of one instance: a small process that outlives the server.

It starts once per job instance, so these modules import little: no dataclasses, pathlib, http.client or logging, and
tarfile and gzip only where an archive is at hand. They share no code with the server but constants.
"""
