"""The API as its document describes it, made once for all tests that go through its routes."""

from automation.app import bare_app

PATHS = bare_app().openapi()["paths"]
OPERATIONS = [
    (method.upper(), path, operation)
    for path, operations in PATHS.items()
    for method, operation in operations.items()
]
