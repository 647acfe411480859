"""Runs moto so that one small object is stored after the other.

moto looks whether the condition of a PUT holds and then stores the object, without a lock: of two threads that do so at
once both may succeed, which S3 rules out.
"""

import sys
from threading import Lock

from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

SMALL = 1 << 20


class OneAfterTheOther:
    def __init__(self, inside):
        self.inside = inside
        self.lock = Lock()

    def __call__(self, environ, start_response):
        is_small = int(environ.get("CONTENT_LENGTH") or 0) < SMALL
        if environ["REQUEST_METHOD"] in ("PUT", "DELETE") and is_small:
            with self.lock:
                return self.inside(environ, start_response)
        return self.inside(environ, start_response)


host, port = sys.argv[1:]
app = OneAfterTheOther(DomainDispatcherApplication(create_backend_app))
run_simple(host, int(port), app, threaded=True, request_handler=MotoRequestHandler)
