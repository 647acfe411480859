"""What schemathesis has to know of the service: lines of JSON are sent and compared as text."""

import schemathesis

LINES = "application/x-ndjson"

schemathesis.serializer.alias(LINES, "text/plain")


@schemathesis.deserializer(LINES)
def read_lines(_context, response):
    return response.content.decode()
