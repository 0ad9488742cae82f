"""``python -m sagewright_frameworks.serving.worker <framework> <fd>``: a process with the model.

It loads the user's module and the model, says so on the socket, and then answers one request after the other, in its
main thread: libraries that mind threads, and code that wants signals, find what they have in AWS's containers.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import traceback
from importlib import import_module

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.errors import AlgorithmFailure
from sagewright_frameworks import source
from sagewright_frameworks.failure import last_words
from sagewright_frameworks.serving import frames
from sagewright_frameworks.serving.answers import Answer, answer, failure
from sagewright_frameworks.serving.content_types import ANY, JSON, TEXTS, name_of
from sagewright_frameworks.serving.context import Context
from sagewright_frameworks.serving.handlers import Handlers
from sagewright_frameworks.serving.module import load
from sagewright_frameworks.serving.settings import Settings
from sagewright_frameworks.setup import SERVING, failed

_DEFAULTS = {"scikit-learn": "scikit_learn", "xgboost": "xgboost", "pytorch": "pytorch"}
_REASON = 700
"""Characters of a failure's reason that come from the end of a traceback: SageMaker's words stand before them."""


def main(framework: str, fd: int) -> int:
    """The exit code: 0 once the server has gone, 1 where nothing could be loaded, the reason of which is written."""
    for name in (signal.SIGINT, signal.SIGTERM):  # the server ends its workers, by closing the socket
        signal.signal(name, signal.SIG_IGN if name == signal.SIGINT else signal.SIG_DFL)
    log.use(SERVING)
    environment, settings = Environment.of_process(), Settings.of()
    logging.basicConfig(
        format="%(asctime)s %(levelname)s - %(name)s - %(message)s", level=settings.level, stream=sys.stdout
    )
    connection = socket.socket(fileno=fd)
    context = Context(environment.model_dir, environment.gpus)
    try:
        handlers = _load(framework, environment, settings, context)
    except AlgorithmFailure as error:
        return failed(environment, str(error))
    except BaseException as error:
        trace = _trace(error)
        return failed(environment, f"ClientError: {last_words(trace, _REASON)}", trace)
    connection.sendall(frames.packed({"ready": True}))
    while (frame := frames.receive(connection)) is not None:
        head, body = frame
        found = _answer(handlers, context, settings, head["headers"], body)
        answered = {"status": found.status, "content_type": found.content_type, "headers": found.headers}
        connection.sendall(frames.packed(answered, found.body))
    return 0


def _load(framework: str, environment: Environment, settings: Settings, context: Context) -> Handlers:
    sys.path.append(source.NAMES)
    user = load(environment, settings)
    defaults = import_module(f"sagewright_frameworks.serving.defaults.{_DEFAULTS.get(framework, 'base')}")
    handlers = Handlers(user, defaults, context)
    handlers.load(environment.model_dir)
    return handlers


def _answer(handlers: Handlers, context: Context, settings: Settings, headers: dict[str, str], body: bytes) -> Answer:
    request = context.begin(headers)
    content_type = request.get_request_property("Content-Type") or JSON
    accept = request.get_request_property("Accept") or ANY
    if accept == ANY:
        accept = settings.accept
    try:
        given = body.decode() if name_of(content_type) in TEXTS else body
        return answer(handlers.transform(given, content_type, accept), accept, request, handlers.last)
    except (Exception, SystemExit) as error:
        trace = _trace(error)
        log.write_line(trace)
        return failure(error, trace)


def _trace(error: BaseException) -> str:
    """Without the toolkit's own part of it."""
    inside = error.__traceback__
    while inside is not None and inside.tb_next is not None and _ours(inside.tb_frame.f_code.co_filename):
        inside = inside.tb_next
    return "".join(traceback.format_exception(type(error), error, inside)).rstrip("\n")


def _ours(file: str) -> bool:
    return file.startswith((os.path.dirname(__file__), "<frozen importlib")) or file.endswith("importlib/__init__.py")


if __name__ == "__main__":
    code = main(sys.argv[1], int(sys.argv[2]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
