"""moto's S3 on loopback, one request at a time: `s3_server.py PORT`.

moto looks whether a key is there and then writes it. Its own command serves requests in threads, so two
conditional creates could both succeed; served one after another they are atomic.
"""

import logging
import sys

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

logging.getLogger("werkzeug").setLevel(logging.ERROR)
run_simple(
    "127.0.0.1",
    int(sys.argv[1]),
    DomainDispatcherApplication(create_backend_app),
    threaded=False,
)
