"""What a bucket can be given, and service accounts: the keys that reach it."""

import io
import json
import secrets
import time

import pytest
from minio import Minio
from minio.error import S3Error

from engine.provider import UNKNOWN
from engine.providers.minio import handlers
from engine.providers.minio.policy import same_policy
from engine.providers.minio.server import MinioError, server_of
from tests.engine.providers.asked import changes, check

HANDLERS = handlers()
BUCKET, POLICY, VERSIONING, LIFECYCLE, USER, ACCOUNT = (
    HANDLERS[f"minio:index/{name[0].lower()}{name[1:]}:{name}"]
    for name in (
        *("S3Bucket", "S3BucketPolicy", "S3BucketVersioning", "IlmPolicy"),
        *("IamUser", "IamServiceAccount"),
    )
)
ENABLED = {"status": "Enabled"}


def reading(bucket, **statement):
    """A policy by which anybody may read."""
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    allow |= {"Resource": f"arn:aws:s3:::{bucket}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**allow, **statement}]})


def rules(*given):
    return {"bucket": "b", "rules": [{"id": f"r{n}", **rule} for n, rule in enumerate(given)]}


@pytest.mark.parametrize(
    ("handler", "news"),
    [
        (POLICY, {"bucket": "b"}),
        (POLICY, {"bucket": "b", "policy": "no json"}),
        (POLICY, {"bucket": "b", "policy": "[]"}),
        (VERSIONING, {"bucket": "b"}),
        (VERSIONING, {"bucket": "b", "versioningConfiguration": {"status": "On"}}),
        (LIFECYCLE, rules()),
        (LIFECYCLE, rules({})),
        (LIFECYCLE, rules({"expiration": "5 days"})),
        (LIFECYCLE, rules({"expiration": "0d"})),
        (LIFECYCLE, rules({"expiration": "2030-02-31"})),
        (LIFECYCLE, rules({"noncurrentVersionExpirationDays": 0})),
        (LIFECYCLE, rules({"expiration": "5d", "status": "Disabled"})),
        (ACCOUNT, {}),
        (ACCOUNT, {"targetUser": "u", "policy": "no json"}),
    ],
)
def test_nonsense_is_refused(handler, news):
    with pytest.raises(ValueError):
        check(handler, **news)


def test_unknown_values_pass_in_a_preview():
    check(POLICY, bucket=UNKNOWN, policy=UNKNOWN)
    check(VERSIONING, bucket=UNKNOWN, versioningConfiguration=UNKNOWN)
    check(LIFECYCLE, bucket=UNKNOWN, rules=UNKNOWN)
    check(LIFECYCLE, **rules({"expiration": UNKNOWN}))
    check(ACCOUNT, targetUser=UNKNOWN, policy=UNKNOWN)


@pytest.mark.parametrize(
    ("handler", "old", "new", "replaces"),
    [
        (POLICY, {"bucket": "a", "policy": reading("a")}, {"bucket": "b"}, ["bucket"]),
        (POLICY, {"bucket": "a", "policy": reading("a")}, {"policy": reading("b")}, []),
        (
            VERSIONING,
            {"bucket": "a", "versioningConfiguration": ENABLED},
            {"versioningConfiguration": {"status": "Suspended"}},
            [],
        ),
        (LIFECYCLE, rules({"expiration": "5d"}), rules({"expiration": "6d"}), []),
        (LIFECYCLE, rules({"expiration": "5d"}), {"bucket": "c"}, ["bucket"]),
        (ACCOUNT, {"targetUser": "a"}, {"targetUser": "b"}, ["targetUser"]),
        (ACCOUNT, {"targetUser": "a"}, {"disableUser": True}, []),
    ],
)
def test_what_replaces(handler, old, new, replaces):
    diff = handler.diff({}, "id", {}, old, check(handler, **{**old, **new}))
    assert diff.changes and diff.replaces == replaces


@pytest.mark.parametrize(
    ("principal", "same"), [({"AWS": ["*"]}, True), ({"AWS": "*"}, True), ({"AWS": ["x"]}, False)]
)
def test_anybody_has_several_spellings(principal, same):
    assert same_policy(reading("b"), reading("b", Principal=principal)) is same


# With a real MinIO


@pytest.fixture(scope="module")
def cfg(minio_cfg):
    return minio_cfg


@pytest.fixture
def bucket(cfg):
    name = f"t-{secrets.token_hex(6)}"
    id, outputs = BUCKET.create(cfg, check(BUCKET, bucket=name))
    yield name
    BUCKET.delete(cfg, id, {**outputs, "forceDestroy": True})


@pytest.fixture
def user(cfg):
    name = f"t-{secrets.token_hex(6)}"
    id, outputs = USER.create(cfg, check(USER, name=name, secret="long enough"))
    yield name
    USER.delete(cfg, id, outputs)


def client(cfg, *keys):
    # With a region, since asking for it takes a right of its own.
    return Minio(cfg["minioServer"], *keys, secure=False, region="us-east-1")


def made(cfg, handler, **news):
    """A new object that reads as it was made, and that no diff would touch."""
    inputs = check(handler, **news)
    id, outputs = handler.create(cfg, inputs)
    assert changes(handler, outputs, inputs) == []
    assert handler.read(cfg, id, inputs, outputs) == outputs
    return id, inputs, outputs


def updated(cfg, handler, id, outputs, **news):
    inputs = check(handler, **news)
    outputs = handler.update(cfg, id, outputs, inputs)
    assert changes(handler, outputs, inputs) == []
    assert handler.read(cfg, id, inputs, outputs) == outputs
    return inputs, outputs


@pytest.mark.platform
def test_a_bucket_policy_lives_from_create_to_delete(cfg, bucket):
    server_of(cfg)._s3.put_object(bucket, "k", io.BytesIO(b"x"), 1)
    with pytest.raises(S3Error, match="Access Denied"):
        client(cfg).get_object(bucket, "k")
    id, inputs, outputs = made(cfg, POLICY, bucket=bucket, policy=reading(bucket))
    assert client(cfg).get_object(bucket, "k").read() == b"x"
    assert POLICY.find(cfg, inputs) == id == bucket
    assert changes(POLICY, POLICY.read(cfg, id, {}, {}), inputs) == []  # an import
    assert POLICY.create(cfg, inputs)[0] == id  # the same words: ours
    other = reading(bucket, Action="s3:PutObject")
    with pytest.raises(MinioError, match="something else"):
        POLICY.create(cfg, {**inputs, "policy": other})
    updated(cfg, POLICY, id, outputs, bucket=bucket, policy=other)
    assert changes(POLICY, POLICY.read(cfg, id, inputs, outputs), inputs) == ["policy"]
    POLICY.delete(cfg, id, outputs)
    POLICY.delete(cfg, id, outputs)
    assert POLICY.read(cfg, id, inputs, outputs) is None
    assert POLICY.find(cfg, inputs) is None


@pytest.mark.platform
def test_versioning_is_switched_on_and_suspended(cfg, bucket):
    assert VERSIONING.read(cfg, bucket, {}, {})["versioningConfiguration"]["status"] == ""
    id, inputs, outputs = made(cfg, VERSIONING, bucket=bucket, versioningConfiguration=ENABLED)
    assert outputs["versioningConfiguration"] == {
        "status": "Enabled",
        "excludeFolders": False,
        "excludedPrefixes": None,
    }
    more = {**ENABLED, "excludedPrefixes": ["tmp/", "log/"], "excludeFolders": True}
    _, changed = updated(cfg, VERSIONING, id, outputs, bucket=bucket, versioningConfiguration=more)
    assert changes(VERSIONING, changed, inputs) == ["versioningConfiguration"]
    VERSIONING.delete(cfg, id, changed)
    VERSIONING.delete(cfg, id, changed)
    drifted = VERSIONING.read(cfg, id, inputs, outputs)
    assert drifted["versioningConfiguration"]["status"] == "Suspended"
    assert changes(VERSIONING, drifted, inputs) == ["versioningConfiguration"]


@pytest.mark.platform
@pytest.mark.parametrize(
    "rule",
    [
        {"expiration": "5d"},
        {"expiration": "2035-06-07", "filter": "tmp/"},
        {"expiration": "5d", "filter": "tmp/", "tags": {"a": "b", "c": "d"}},
        {"expiration": "5d", "tags": {"a": "b"}},
        {"expiration": "DeleteMarker", "noncurrentVersionExpirationDays": 3},
        {"noncurrentVersionExpirationDays": 3, "status": "Enabled"},
    ],
)
def test_lifecycle_rules_of_all_kinds(cfg, bucket, rule):
    id, inputs, outputs = made(cfg, LIFECYCLE, **{**rules(rule), "bucket": bucket})
    imported = LIFECYCLE.read(cfg, id, {}, {})
    assert changes(LIFECYCLE, imported, inputs) == []
    assert imported["rules"][0]["status"] == outputs["rules"][0]["status"] == "Enabled"


@pytest.mark.platform
def test_lifecycle_rules_live_from_create_to_delete(cfg, bucket):
    two = {**rules({"expiration": "5d"}, {"noncurrentVersionExpirationDays": 2}), "bucket": bucket}
    id, inputs, outputs = made(cfg, LIFECYCLE, **two)
    assert LIFECYCLE.find(cfg, inputs) == id
    with pytest.raises(MinioError, match="already exist"):
        LIFECYCLE.create(cfg, inputs)
    one = {**rules({"expiration": "7d"}), "bucket": bucket}
    updated(cfg, LIFECYCLE, id, outputs, **one)
    assert changes(LIFECYCLE, LIFECYCLE.read(cfg, id, inputs, outputs), inputs) == ["rules"]
    LIFECYCLE.delete(cfg, id, outputs)
    LIFECYCLE.delete(cfg, id, outputs)
    assert LIFECYCLE.read(cfg, id, inputs, outputs) is None
    assert LIFECYCLE.find(cfg, inputs) is None


@pytest.mark.platform
def test_with_its_bucket_all_is_gone(cfg):
    name = f"t-{secrets.token_hex(6)}"
    for handler, news in (
        (POLICY, {"policy": reading(name)}),
        (VERSIONING, {"versioningConfiguration": ENABLED}),
        (LIFECYCLE, rules({"expiration": "5d"})),
    ):
        inputs = check(handler, **{**news, "bucket": name})
        handler.delete(cfg, name, inputs)
        assert handler.read(cfg, name, inputs, {}) is None
        assert handler.find(cfg, inputs) is None
        with pytest.raises(MinioError) as refusal:
            handler.create(cfg, inputs)
        assert refusal.value.code == "NoSuchBucket", handler


@pytest.mark.platform
def test_a_service_account_lives_from_create_to_delete(cfg, bucket, user):
    server = server_of(cfg)
    server.set_policy(user, _no_principal(bucket))
    try:
        server.attach_policy(user, user)
        id, inputs, outputs = made(cfg, ACCOUNT, targetUser=user)
        keys = (outputs["accessKey"], outputs["secretKey"])
        assert id == keys[0] and (outputs["status"], outputs["policy"]) == ("on", None)
        assert [*ACCOUNT.secret_outputs] == ["secretKey"]
        client(cfg, *keys).put_object(bucket, "k", io.BytesIO(b"x"), 1)

        only_reads = json.dumps(_no_principal(bucket, "s3:GetObject"))
        inputs, outputs = updated(cfg, ACCOUNT, id, outputs, targetUser=user, policy=only_reads)
        assert _eventually_refused(cfg, keys, bucket)
        assert client(cfg, *keys).get_object(bucket, "k").read() == b"x"

        # What is not named in an update stays: the policy survives being switched off and on.
        news = {"targetUser": user, "policy": only_reads}
        _, off = updated(cfg, ACCOUNT, id, outputs, **news, disableUser=True)
        assert off["status"] == "off"
        with pytest.raises(S3Error):
            client(cfg, *keys).get_object(bucket, "k")
        _, outputs = updated(cfg, ACCOUNT, id, off, **news)
        assert outputs["secretKey"] == keys[1]
        _, outputs = updated(cfg, ACCOUNT, id, outputs, **news, updateSecret=True)
        assert outputs["secretKey"] != keys[1]
        assert client(cfg, id, outputs["secretKey"]).get_object(bucket, "k").read() == b"x"

        ACCOUNT.delete(cfg, id, outputs)
        ACCOUNT.delete(cfg, id, outputs)
        assert ACCOUNT.read(cfg, id, inputs, outputs) is None
    finally:
        server.detach_policy(user, user)
        server.delete_policy(user)


@pytest.mark.platform
def test_an_account_of_nobody_is_refused_and_goes_with_its_user(cfg, user):
    with pytest.raises(MinioError) as refusal:
        ACCOUNT.create(cfg, check(ACCOUNT, targetUser="nobody at all"))
    assert cfg["minioPassword"] not in str(refusal.value)
    id, inputs, outputs = made(cfg, ACCOUNT, targetUser=user)
    USER.delete(cfg, user, {})
    assert ACCOUNT.read(cfg, id, inputs, outputs) is None
    ACCOUNT.delete(cfg, id, outputs)


def _no_principal(bucket, action="s3:*"):
    allow = {"Effect": "Allow", "Action": [action], "Resource": [f"arn:aws:s3:::{bucket}/*"]}
    return {"Version": "2012-10-17", "Statement": [allow]}


def _eventually_refused(cfg, keys, bucket):
    for _ in range(50):
        try:
            client(cfg, *keys).put_object(bucket, "no", io.BytesIO(b"x"), 1)
        except S3Error as error:
            return "denied" in str(error).lower()
        time.sleep(0.1)
    return False
