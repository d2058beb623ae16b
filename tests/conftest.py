"""Only lists the plugins; the rigs are in tests/fixtures, split by what they run."""

pytest_plugins = [
    "tests.fixtures.platform",
    "tests.fixtures.postgres",
    "tests.fixtures.postgres_server",
]
