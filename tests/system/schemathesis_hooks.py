"""What test_openapi.py tells the property-based tester of our media types."""
import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.serializer("application/gzip", "application/x-tar")
def bundle(_context, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
