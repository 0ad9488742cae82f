"""``/_sagewright/work``: where the nodes of a cluster say what becomes of their workloads. Each has a token of its own.

POST ?id&stream=journal|log&offset: whole lines. POST ?id&stream=files: an archive. GET ?id&peer&stream=journal&offset,
GET ?id&peer&stream=files: those of a workload that id gathers. Answers are JSON but for what is asked for by GET.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs

from sagewright.runtime.ray.reports import LIMIT, Answer, Reports
from sagewright.wire.http import BodyTooLarge, HttpRequest, HttpResponse

_CHUNK = 1024 * 1024
_BEARER = "Bearer "


class ReportPage:
    """A page of the gateway's."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = {name: values[-1] for name, values in parse_qs(request.query).items()}
        try:
            return _response(await self._answer(request, asked))
        except (KeyError, ValueError):
            return HttpResponse(400)
        except BodyTooLarge:
            return HttpResponse(413)

    async def _answer(self, request: HttpRequest, asked: dict[str, str]) -> Answer:
        """Raises KeyError, ValueError, BodyTooLarge."""
        token = request.headers.get("authorization").removeprefix(_BEARER)
        work, stream, reports = asked["id"], asked["stream"], self._reports
        if request.method == "POST" and stream == "files":
            return await reports.take_files(work, token, request.body)
        if request.method == "POST":
            data = await request.body.read(LIMIT)
            return reports.append(work, token, stream, int(asked["offset"]), data)
        if request.method == "GET" and stream == "files":
            return reports.files_of(work, token, asked["peer"])
        if request.method == "GET" and stream == "journal":
            return reports.journal_of(work, token, asked["peer"], int(asked["offset"]))
        raise ValueError(request.method)


def _response(answer: Answer) -> HttpResponse:
    if answer.file is not None:
        size = str(answer.file.stat().st_size)
        return HttpResponse(answer.status, {"Content-Length": size}, _streamed(answer.file))
    if answer.data is not None:
        return HttpResponse(answer.status, {"Content-Type": "application/octet-stream"}, answer.data)
    body = json.dumps(answer.document).encode()
    return HttpResponse(answer.status, {"Content-Type": "application/json"}, body)


async def _streamed(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
