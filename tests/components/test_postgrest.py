"""PostgREST's configuration: what must stand in it, and what must not."""

import base64
import json
from urllib.parse import unquote, urlsplit

from components.postgrest import PostgrestConfig, config_files, jwks

CONFIG = PostgrestConfig(
    host="127.0.0.1", port=5, database="db", authenticator="db_authenticator", rest_port=7,
    max_rows=1000, pool=4, public_url="http://127.0.0.1:54321/p/db/rest/v1",
)  # fmt: skip


def files(password: str = "pw", secret: str = "s" * 40) -> dict[str, str]:
    return config_files(CONFIG, authenticator_password=password, key_ring=jwks([secret]))


def test_settings_that_isolation_rests_on() -> None:
    lines = files()["postgrest.conf"].splitlines()
    for line in (
        "db-config = false",
        'server-host = "127.0.0.1"',
        'db-pre-request = "croft.before_request"',
        'db-schemas = "public"',
        'db-uri = "@./db-uri"',
        'jwt-secret = "@./jwks.json"',
    ):
        assert line in lines


def test_no_secret_in_the_config_itself() -> None:
    made = files(password="hush-password", secret="hush-secret" * 4)
    assert "hush" not in made["postgrest.conf"]


def test_any_password_survives_the_uri() -> None:
    for password in ("a b", "p@ss:w/rd?#%&=", "é'\"\\", "{files}"):
        uri = urlsplit(files(password=password)["db-uri"])
        assert unquote(uri.password or "") == password
        assert (uri.hostname, uri.port, uri.path) == ("127.0.0.1", 5, "/db")
        assert "\n" not in files(password=password)["db-uri"]


def test_the_key_ring_holds_the_projects_key_alone() -> None:
    keys = json.loads(files(secret="super-secret-é" * 3)["jwks.json"])["keys"]
    assert [(key["kty"], key["alg"]) for key in keys] == [("oct", "HS256")]
    raw = keys[0]["k"]
    assert base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)).decode() == "super-secret-é" * 3
