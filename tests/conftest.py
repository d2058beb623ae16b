"""Only lists the plugins; the rigs are in tests/fixtures, split by what they run."""

from engine.isolation import install

pytest_plugins = [
    "tests.fixtures.platform",
    "tests.fixtures.postgres",
    "tests.fixtures.postgres_server",
]

# The SDK keeps the settings of its first mocked run as a default of the whole process, and tests of
# the engine would see it. Programs run isolated here as they do in production.
install()
