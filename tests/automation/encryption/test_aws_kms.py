"""The root key in AWS KMS, used with credentials that may do this only: on moto's server, and on
one that gives AWS's answers for what a healthy service never says."""

import base64
import json
import os
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.exceptions import InvalidTag

from automation.encryption import rotation
from automation.encryption.aws_kms import TRIES_MAX, AwsKmsKey
from automation.encryption.keyring import open_keyring
from automation.encryption.root_keys import root_keys_of, variables_of
from automation.platform_secrets import PLATFORM_SECRETS
from contracts.errors import BackendDown, SetupFailed
from contracts.home import Home, Ports
from tests.fixtures.aws_kms import ALIAS, REGION, serving
from tests.fixtures.ports import free_port

DEK = os.urandom(32)
ARN = f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SOMEBODY = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
# Word for word as AWS documents them.
THROTTLED = {
    "__type": "ThrottlingException",
    "message": "You have exceeded the rate at which you may call KMS. Reduce the frequency of your"
    " calls.",
}
ENCRYPTED = {
    "CiphertextBlob": base64.b64encode(b"wrapped").decode(),
    "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    "KeyId": ARN,
}


@pytest.fixture(scope="module")
def kms(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("kms")) as kms:
        yield kms


@pytest.fixture(autouse=True)
def _nobodys_environment(monkeypatch, tmp_path):
    """Whoever runs the tests may have credentials of AWS, or be on a machine of its own."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))


def key_of(kms, key=None, **changes):
    chosen = {"region": REGION, "endpoint": kms.endpoint, "environ": kms.worker} | changes
    return AwsKmsKey(key or kms.key, **chosen)


@contextmanager
def answering(*answers):
    """A service that gives these answers, the last one again and again; what it was asked."""
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = answers[min(len(asked), len(answers)) - 1]
            text = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args): ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield (
                AwsKmsKey(ARN, endpoint=f"http://127.0.0.1:{server.server_port}", environ=SOMEBODY),
                asked,
            )
        finally:
            server.shutdown()
            thread.join()


def test_it_wraps_and_unwraps_in_its_place_only(kms):
    for key in (key_of(kms), key_of(kms, ALIAS)):
        key_id, wrapped = key.wrap(DEK, b"here")
        assert key_id == f"aws-kms:{kms.key}" and key.opens(key_id)
        assert key.unwrap(key_id, wrapped, b"here") == DEK
        assert DEK not in wrapped
        for changed, place in ((wrapped, b"there"), (wrapped[:-1] + b"\0", b"here"), (b"", b"")):
            with pytest.raises(InvalidTag):
                key.unwrap(key_id, changed, place)


def test_it_knows_what_it_opens(kms):
    by_arn, by_alias = key_of(kms), key_of(kms, ALIAS)
    assert by_arn.opens(f"aws-kms:{kms.key}") and not by_arn.opens(f"aws-kms:{kms.other_key}")
    assert by_alias.opens(f"aws-kms:{kms.other_key}")  # which it may have meant before
    assert not by_alias.opens(f"aws-kms:{kms.key}".replace(REGION, "us-east-1"))
    for key in (by_arn, by_alias):
        assert not key.opens("0123456789abcdef") and not key.opens("openbao:transit/croft:v1")


def test_it_rotates_inside_of_aws(kms):
    key = key_of(kms, ALIAS)
    key_id, wrapped = key.wrap(DEK, b"")
    key.rotate()
    assert key.health() == key_id and key.unwrap(key_id, wrapped, b"") == DEK
    assert key.forget({key_id}) == []  # AWS's business


def test_another_key_does_not_open_it():
    refused = {"__type": "IncorrectKeyException", "message": "The key ID in the request does not"}
    with answering((400, refused)) as (key, asked), pytest.raises(InvalidTag):
        key.unwrap(f"aws-kms:{ARN}", b"wrapped", b"")
    assert json.loads(asked[0])["KeyId"] == ARN  # AWS is told which one it has to be


@pytest.mark.parametrize("who", ["stranger", "forger", "unknown"])
def test_who_may_not_is_told_so(kms, who):
    environ = {
        "stranger": kms.stranger,
        "forger": {**kms.worker, "AWS_SECRET_ACCESS_KEY": "another"},
        "unknown": SOMEBODY,
    }[who]
    key_id, wrapped = key_of(kms).wrap(DEK, b"")
    key = key_of(kms, environ=environ)
    for use in (key.health, key.rotate, lambda: key.unwrap(key_id, wrapped, b"")):
        with pytest.raises(SetupFailed) as caught:  # and not: that what is stored was changed
            use()
        assert caught.value.code == "root_key_forbidden"
        for secret in environ.values():
            assert secret not in str(caught.value)


@pytest.mark.parametrize("code", ["DisabledException", "KMSInvalidStateException"])
def test_a_key_that_is_switched_off_is_told_so(code):
    with answering((400, {"__type": code, "message": f"{ARN} is disabled."})) as (key, asked):
        with pytest.raises(SetupFailed) as caught:
            key.unwrap(f"aws-kms:{ARN}", b"wrapped", b"")
    assert (caught.value.code, len(asked)) == ("root_key_forbidden", 1)
    assert code in caught.value.message


def test_credentials_that_ran_out_are_looked_for_again(kms, monkeypatch, tmp_path):
    """In the file, where AWS's tools renew them."""
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))

    def write(access, secret):
        file.write_text(f"[croft]\naws_access_key_id={access}\naws_secret_access_key={secret}\n")

    write(*SOMEBODY.values())
    key = key_of(kms, profile="croft", environ={})
    with pytest.raises(SetupFailed):
        key.health()
    write(*kms.worker.values())
    assert key.health() == f"aws-kms:{kms.key}"


def test_throttled_it_asks_again_but_not_for_ever():
    with answering((400, THROTTLED), (200, ENCRYPTED)) as (key, asked):
        assert key.wrap(DEK, b"") == (f"aws-kms:{ARN}", b"wrapped")
        assert len(asked) == 2
    with answering((400, THROTTLED)) as (key, asked):
        with pytest.raises(BackendDown) as caught:
            key.wrap(DEK, b"")
        assert (caught.value.code, len(asked)) == ("root_key_down", TRIES_MAX)


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, {"__type": "KMSInternalException"}), (503, {}), (502, b"<html>")],
)
def test_a_service_in_trouble_is_down(status, body):
    with answering((status, body)) as (key, asked), pytest.raises(BackendDown) as caught:
        key.unwrap(f"aws-kms:{ARN}", b"wrapped", b"")
    assert caught.value.code == "root_key_down" and len(asked) <= TRIES_MAX


def test_away_it_is_down():
    away = AwsKmsKey(ARN, endpoint=f"http://127.0.0.1:{free_port()}", environ=SOMEBODY)
    with pytest.raises(BackendDown) as caught:
        away.health()
    assert caught.value.code == "root_key_down"


def test_without_credentials_it_says_so(kms):
    with pytest.raises(SetupFailed) as caught:
        key_of(kms, environ={}).health()
    assert caught.value.code == "root_key_missing"


# --- as an installation's -------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path, tmp_path, Ports())
    home.etc.mkdir()
    home.secrets.mkdir()
    return home


def configure(home, *entries):
    (home.etc / "root-keys.json").write_text(json.dumps(entries))


@pytest.mark.parametrize(
    "entry",
    [
        {"key": "croft", "region": REGION},
        {"key": ALIAS},  # and nothing else says where
        {"key": ALIAS, "profile": "nobodys"},
        {"key": ARN, "secret": "x"},
        {},
    ],
    ids=range(5),
)
def test_a_setting_that_is_none_is_refused(home, entry):
    configure(home, {"kind": "aws-kms", **entry})
    with pytest.raises(SetupFailed) as caught:
        root_keys_of(home, {})
    assert caught.value.code == "root_keys_invalid"


def test_without_botocore_the_cure_is_told_and_other_kinds_need_none(home, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "botocore"]:
        monkeypatch.setitem(sys.modules, name, None)
    configure(home, {"kind": "aws-kms", "key": ARN})
    with pytest.raises(SetupFailed) as caught:
        root_keys_of(home, {})
    assert caught.value.code == "root_key_kind_missing"
    assert "pip install" in caught.value.fix
    configure(home, {"kind": "file"})
    assert root_keys_of(home, {})


def test_which_variables_it_is_read_from(home):
    configure(home, {"kind": "aws-kms", "key": ARN}, {"kind": "environment"}, {"kind": "file"})
    names = [*SOMEBODY, "AWS_SESSION_TOKEN", "CROFT_ROOT_KEY"]
    assert variables_of(home) == names


def test_an_installation_moves_its_root_key_there_and_back(ctx, kms, home):
    """Put first, each wraps whatever the other one wrapped; then that one may go."""
    home = replace(ctx.settings.home, root=home.root)
    root_key = home.secret("root.key")
    root_key.write_bytes(ctx.settings.home.secret("root.key").read_bytes())
    root_key.chmod(0o600)
    aws = {"kind": "aws-kms", "key": ALIAS, "region": REGION, "endpoint": kms.endpoint}
    file = {"kind": "file"}

    def move(*entries):
        configure(home, *entries)
        keyring = open_keyring(home, kms.worker)
        with ctx.transaction() as conn:
            rotation.rotate_root(conn, keyring)
        assert rotation.follow(ctx, keyring)[0] == "1 keys wrapped anew"
        with ctx.transaction() as conn:
            found = rotation.status(conn, keyring)
        assert found.keys_left == 0
        return found.root_key

    with ctx.transaction() as conn:
        conn.execute("DELETE FROM encryption_keys")
        open_keyring(home).ensure_inbox(conn)
    try:
        assert move(aws, file) == f"aws-kms:{kms.key}"
        root_key.unlink()
        configure(home, aws)
        with ctx.transaction() as conn:
            assert rotation.status(conn, open_keyring(home, kms.worker)).keys_left == 0
        root_key.write_text(PLATFORM_SECRETS["root.key"]())
        root_key.chmod(0o600)
        assert not move(file, aws).startswith("aws-kms:")
    finally:
        with ctx.transaction() as conn:  # as the other tests expect it
            conn.execute("DELETE FROM encryption_keys")
            open_keyring(ctx.settings.home).ensure_inbox(conn)
