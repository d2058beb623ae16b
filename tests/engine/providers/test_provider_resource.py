import subprocess
import sys

import pytest

from engine.provider import UNKNOWN
from engine.providers import builtin_packages
from engine.providers.provider_resource import flag, number

PACKAGES = builtin_packages()
POSTGRESQL, KEYCLOAK, MINIO, *_ = PACKAGES


def test_packages_are_found_by_name_and_know_their_types():
    names = ["postgresql", "keycloak", "minio", "cloudflare", "random"]
    assert [package.name for package in PACKAGES] == names
    for package in PACKAGES:
        assert all(
            token.startswith((f"{package.name}:", "pulumi:providers:"))
            for token in package.handlers
        )


def test_provider_configuration_stays_as_the_sdk_sent_it():
    handler = POSTGRESQL.handlers["pulumi:providers:postgresql"]
    news = {"host": "h", "port": "5432", "superuser": "true", "version": "3.18.2"}
    assert handler.check({}, "urn", None, news) == news
    id, outputs = handler.create({}, {**news, "__internal": {}})
    assert outputs == news and len(id) == 36


@pytest.mark.parametrize(
    "news", [{"port": "many"}, {"port": "1.5"}, {"superuser": "perhaps"}, {"connectTimeout": "x"}]
)
def test_malformed_configuration_is_refused(news):
    with pytest.raises(ValueError, match=next(iter(news))):
        POSTGRESQL.handlers["pulumi:providers:postgresql"].check({}, "urn", None, news)


def test_addresses_are_required_and_may_be_unknown():
    with pytest.raises(ValueError, match="url"):
        KEYCLOAK.handlers["pulumi:providers:keycloak"].check({}, "urn", None, {})
    handler = MINIO.handlers["pulumi:providers:minio"]
    assert handler.check({}, "urn", None, {"minioServer": UNKNOWN, "minioSsl": UNKNOWN})


def test_json_strings_are_read_as_what_they_mean():
    assert number({"port": "5433"}, "port", 1) == 5433
    assert number({}, "port", 1) == 1
    assert flag({"ssl": "true"}, "ssl", False) is True
    assert flag({"ssl": False}, "ssl", True) is False
    assert flag({"ssl": ""}, "ssl", True) is True


def test_another_address_changes_the_provider_and_replaces_nothing():
    handler = POSTGRESQL.handlers["pulumi:providers:postgresql"]
    diff = handler.diff({}, "id", {}, {"host": "a"}, {"host": "b", "__internal": {}})
    assert (diff.changes, diff.replaces) == (["host"], ())


def test_the_slow_sdk_is_not_imported_by_the_engine():
    """pulumi_cloudflare costs two seconds: only a program that uses it pays them."""
    code = "import sys, engine.providers.cloudflare; assert 'pulumi_cloudflare' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
