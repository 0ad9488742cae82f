"""Instances of a job that find each other: each calls every other one by its name and shows the job's secret."""

from __future__ import annotations

import json
import os
import socket
import threading
import time

PORT = 7412


def meet(host: str, hosts: list[str]) -> list[str]:
    """Who answered, once all others have called. Works without a sandbox too, by SAGEWRIGHT_HOSTS."""
    addresses: dict[str, str] = json.loads(os.environ["SAGEWRIGHT_HOSTS"])
    token = os.environ["SAGEWRIGHT_JOB_TOKEN"].encode()
    listener = socket.create_server((addresses[host], PORT))
    heard: list[str] = []

    def listen() -> None:
        while len(heard) < len(hosts) - 1:
            connection, _ = listener.accept()
            with connection:
                said = connection.makefile("rb").readline().split()
                if said[0] == token:
                    heard.append(said[1].decode())

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    for other in hosts:
        if other != host:
            _call(other, addresses[other], b"%s %s\n" % (token, host.encode()))
    thread.join(20)
    return sorted(heard)


def _call(name: str, address: str, words: bytes) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            resolved = socket.gethostbyname(name)
        except OSError:
            resolved = address
        try:
            with socket.create_connection((resolved, PORT), 5) as connection:
                connection.sendall(words)
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
