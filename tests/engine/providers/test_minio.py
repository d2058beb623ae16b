import io
import json
import secrets

import pytest
from minio import Minio
from minio.error import S3Error

from engine.provider import UNKNOWN
from engine.providers.minio import handlers
from engine.providers.minio.policy import same_policy
from engine.providers.minio.server import MinioError, login_of, server_of
from tests.engine.providers.asked import changes, check

HANDLERS = handlers()
BUCKET, POLICY, USER, ATTACHMENT = (
    HANDLERS[f"minio:index/{name[0].lower()}{name[1:]}:{name}"]
    for name in ("S3Bucket", "IamPolicy", "IamUser", "IamUserPolicyAttachment")
)


def policy_on(bucket, **statement):
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{bucket}/*"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**allow, **statement}]})


@pytest.mark.parametrize(
    ("handler", "news"),
    [
        (BUCKET, {"bucket": "No"}),
        (BUCKET, {"bucket": "a..b"}),
        (BUCKET, {"bucket": "10.0.0.1"}),
        (BUCKET, {"bucket": "x" * 64}),
        (BUCKET, {"bucket": "good", "acl": "anybody"}),
        (BUCKET, {"bucket": "good", "quota": -1}),
        (BUCKET, {"bucketPrefix": "good"}),
        (POLICY, {"name": "p", "policy": "not json"}),
        (POLICY, {"name": "p", "policy": "[]"}),
        (POLICY, {"name": "p p", "policy": "{}"}),
        (USER, {"name": "u", "secret": "short"}),
        (USER, {"name": "u", "secret": "x" * 41}),
        (USER, {"name": "a/b", "secret": "long enough"}),
        (ATTACHMENT, {"userName": "u"}),
    ],
)
def test_nonsense_is_refused(handler, news):
    with pytest.raises(ValueError) as refusal:
        check(handler, **news)
    assert "short" not in str(refusal.value)


def test_unknown_values_pass_in_a_preview():
    check(BUCKET, bucket=UNKNOWN, quota=UNKNOWN, acl=UNKNOWN)
    check(POLICY, name=UNKNOWN, policy=UNKNOWN)
    check(USER, name=UNKNOWN, secret=UNKNOWN)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"Action": ["s3:*"], "Sid": ""}, True),
        ({"Resource": "arn:aws:s3:::b/*"}, True),
        ({"Effect": "Deny"}, False),
        ({"Action": ["s3:GetObject"]}, False),
    ],
)
def test_policies_are_compared_by_meaning(other, same):
    assert same_policy(policy_on("b"), policy_on("b", **other)) is same


def test_order_within_a_list_of_actions_means_nothing():
    assert same_policy(policy_on("b", Action=["x", "y"]), policy_on("b", Action=["y", "x"]))


@pytest.mark.parametrize(
    ("handler", "old", "new", "replaces"),
    [
        (BUCKET, {"bucket": "aaa"}, {"bucket": "bbb"}, ["bucket"]),
        (BUCKET, {"bucket": "aaa", "quota": 5}, {"bucket": "aaa", "quota": 6}, []),
        (USER, {"name": "a", "secret": "s"}, {"name": "b"}, ["name"]),
        (USER, {"name": "a", "secret": "s"}, {"name": "a", "secret": "another one"}, []),
        (POLICY, {"name": "a", "policy": "{}"}, {"name": "b", "policy": "{}"}, ["name"]),
        (
            ATTACHMENT,
            {"userName": "u", "policyName": "p"},
            {"userName": "u", "policyName": "q"},
            ["policyName"],
        ),
    ],
)
def test_what_replaces(handler, old, new, replaces):
    assert handler.diff({}, "id", {}, old, check(handler, **new)).replaces == replaces


def test_no_secret_stands_in_a_repr():
    assert "hush" not in repr(login_of({"minioServer": "h:1", "minioPassword": "hush"}))


def test_an_absent_server_is_an_error():
    cfg = {"minioServer": "127.0.0.1:1", "minioUser": "u", "minioPassword": "hunter22"}
    with pytest.raises(MinioError) as refusal:
        BUCKET.read(cfg, "bucket", {}, {})
    assert "hunter22" not in str(refusal.value)


# With a real MinIO


@pytest.fixture(scope="module")
def cfg(minio_cfg):
    return minio_cfg


@pytest.fixture
def name():
    return f"t-{secrets.token_hex(6)}"


@pytest.fixture
def made(cfg):
    undo = []

    def make(handler, **news):
        inputs = check(handler, **news)
        id, outputs = handler.create(cfg, inputs)
        undo.append((handler, id, outputs))
        return id, inputs, outputs

    yield make
    for handler, id, outputs in reversed(undo):
        handler.delete(cfg, id, {**outputs, "forceDestroy": True})


def put(cfg, bucket, key, user="", secret=""):
    client = Minio(
        cfg["minioServer"],
        user or cfg["minioUser"],
        secret or cfg["minioPassword"],
        secure=False,
    )
    client.put_object(bucket, key, io.BytesIO(b"x" * 1000), 1000)


@pytest.mark.platform
def test_a_bucket_lives_from_create_to_delete(cfg, made, name):
    id, inputs, outputs = made(BUCKET, bucket=name, acl="private", quota=10_000_000)
    assert outputs["arn"] == f"arn:aws:s3:::{name}"
    assert changes(BUCKET, outputs, inputs) == []
    assert BUCKET.read(cfg, id, inputs, outputs) == outputs
    assert BUCKET.find(cfg, inputs) == id
    assert changes(BUCKET, BUCKET.read(cfg, id, inputs, {}), inputs) == []
    with pytest.raises(MinioError, match="already exists"):
        BUCKET.create(cfg, inputs)

    for acl in ("public-read", "public-write", "public-read-write", "public", "private"):
        news = check(BUCKET, bucket=name, acl=acl, quota=20_000_000)
        outputs = BUCKET.update(cfg, id, outputs, news)
        assert BUCKET.read(cfg, id, news, outputs) == outputs, acl
        # A bucket that nobody described shows what its policy amounts to.
        assert BUCKET.read(cfg, id, {}, {"bucket": name})["acl"] == acl
    without = BUCKET.update(cfg, id, outputs, check(BUCKET, bucket=name))
    assert BUCKET.read(cfg, id, inputs, without)["quota"] is None


@pytest.mark.platform
def test_only_a_bucket_told_so_goes_with_its_objects(cfg, made, name):
    id, _, outputs = made(BUCKET, bucket=name)
    server_of(cfg)._s3.set_bucket_versioning(name, _versioning())
    for n in range(30):
        put(cfg, name, f"a/{n % 10}")
    server_of(cfg)._s3.remove_object(name, "a/1")
    with pytest.raises(MinioError, match="not empty"):
        BUCKET.delete(cfg, id, outputs)
    BUCKET.delete(cfg, id, {**outputs, "forceDestroy": True})
    BUCKET.delete(cfg, id, outputs)
    assert BUCKET.read(cfg, id, {}, outputs) is None


def _versioning():
    from minio.versioningconfig import ENABLED, VersioningConfig

    return VersioningConfig(ENABLED)


@pytest.mark.platform
def test_a_user_reaches_what_its_policy_allows(cfg, made, name):
    made(BUCKET, bucket=name)
    deny = {"Effect": "Deny", "Action": ["admin:*"]}
    document = json.loads(policy_on(name))
    document["Statement"].append(deny)
    policy_id, policy, policy_outputs = made(POLICY, name=name, policy=json.dumps(document))
    user_id, user, user_outputs = made(USER, name=name, secret="first secret")
    with pytest.raises(S3Error, match="Access Denied"):
        put(cfg, name, "k", name, "first secret")
    id, attachment, outputs = made(ATTACHMENT, userName=name, policyName=name)
    put(cfg, name, "k", name, "first secret")
    assert id.startswith(f"{name}-20")

    for handler, its_id, inputs, its_outputs in (
        (POLICY, policy_id, policy, policy_outputs),
        (USER, user_id, user, user_outputs),
        (ATTACHMENT, id, attachment, outputs),
    ):
        assert changes(handler, its_outputs, inputs) == []
        assert handler.read(cfg, its_id, inputs, its_outputs) == its_outputs
    with pytest.raises(MinioError, match="already exists"):
        USER.create(cfg, user)
    with pytest.raises(MinioError, match="already exists"):
        POLICY.create(cfg, policy)

    news = {**user, "secret": "second secret"}
    USER.update(cfg, user_id, user_outputs, news)
    put(cfg, name, "k", name, "second secret")
    disabled = USER.update(cfg, user_id, {**user_outputs, **news}, {**news, "disableUser": True})
    assert disabled["status"] == "disabled"
    with pytest.raises(S3Error):
        put(cfg, name, "k", name, "second secret")
    USER.update(cfg, user_id, disabled, news)
    put(cfg, name, "k", name, "second secret")


@pytest.mark.platform
def test_policies_of_a_user_come_and_go_one_by_one(cfg, made, name):
    made(USER, name=name, secret="long enough")
    for n in range(2):
        made(POLICY, name=f"{name}-{n}", policy=policy_on(name))
    first, second = (made(ATTACHMENT, userName=name, policyName=f"{name}-{n}") for n in range(2))
    ATTACHMENT.delete(cfg, first[0], first[2])
    assert ATTACHMENT.read(cfg, first[0], first[1], first[2]) is None
    assert ATTACHMENT.read(cfg, second[0], second[1], second[2]) == second[2]
    ATTACHMENT.delete(cfg, second[0], second[2])
    ATTACHMENT.delete(cfg, second[0], second[2])
    assert server_of(cfg).policies_of(name) == []


@pytest.mark.platform
def test_an_adopted_user_gets_the_programs_secret(cfg, made, name):
    made(USER, name=name, secret="somebody's")
    inputs = check(USER, name=name, secret="the program's")
    outputs = USER.read(cfg, USER.find(cfg, inputs), inputs, {})
    assert changes(USER, outputs, inputs) == ["secret"]


@pytest.mark.platform
def test_what_is_gone_is_gone(cfg, name):
    server = server_of(cfg)
    server.delete_bucket(name, with_objects=True)
    server.delete_user(name)
    server.delete_policy(name)
    assert (server.user(name), server.policy(name)) == (None, None)
    assert USER.find(cfg, {"name": name}) is None
    with pytest.raises(MinioError):
        server.attach_policy(name, "no-such-policy")


@pytest.mark.platform
def test_a_wrong_password_is_not_repeated(cfg, name):
    with pytest.raises(MinioError) as refusal:
        USER.read({**cfg, "minioPassword": "hunter2222"}, name, {}, {})
    assert "hunter2222" not in str(refusal.value)
