"""Cases of MinIO, changed by its own client."""

import json
from typing import Any

from minio.commonconfig import ENABLED, Filter
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule
from minio.versioningconfig import SUSPENDED, VersioningConfig

from tests.engine.servers.cases.case import Case, Drift
from tests.engine.servers.places import unique


def policy(bucket: str, action: str, principal: bool = False) -> str:
    statement = {
        **{"Effect": "Allow", "Action": [action], "Resource": [f"arn:aws:s3:::{bucket}/*"]},
        **({"Principal": {"AWS": ["*"]}} if principal else {}),
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def asked(verb: str, *args: Any) -> Drift:
    """A call of the server, its object's id first."""
    return lambda place, outputs: getattr(place["server"], verb)(outputs["id"], *args)


MINIO = [
    Case(
        "minio:index/s3Bucket:S3Bucket",
        lambda place: {"bucket": unique(), "quota": 1_000_000, "acl": "private"},
        asked("set_quota_bytes", 2_000_000),
        ("quota",),
    ),
    Case(
        "minio:index/s3BucketPolicy:S3BucketPolicy",
        lambda place: {
            "bucket": place["bucket"],
            "policy": policy(place["bucket"], "s3:GetObject", principal=True),
        },
        lambda place, outputs: place["server"].set_bucket_policy(
            place["bucket"], json.loads(policy(place["bucket"], "s3:PutObject", principal=True))
        ),
        ("policy",),
    ),
    Case(
        "minio:index/s3BucketVersioning:S3BucketVersioning",
        lambda place: {
            "bucket": place["bucket"],
            "versioning_configuration": {"status": "Enabled"},
        },
        asked("set_versioning", VersioningConfig(SUSPENDED)),
        ("versioningConfiguration",),
        setting=True,
    ),
    Case(
        "minio:index/ilmPolicy:IlmPolicy",
        lambda place: {
            "bucket": place["bucket"],
            "rules": [{"id": "old", "expiration": "30d", "filter": "logs/"}],
        },
        asked(
            "set_lifecycle",
            LifecycleConfig(
                [Rule(ENABLED, Filter(prefix=""), rule_id="old", expiration=Expiration(days=1))]
            ),
        ),
        ("rules",),
    ),
    Case(
        "minio:index/iamUser:IamUser",
        lambda place: {"name": unique(), "secret": "hush-hush-hush"},
        asked("enable_user", False),
        ("disableUser", "status"),
        unreadable=("secret",),
    ),
    Case(
        "minio:index/iamPolicy:IamPolicy",
        lambda place: {"name": unique(), "policy": policy("some", "s3:GetObject")},
        lambda place, outputs: place["server"].set_policy(
            outputs["id"], json.loads(policy("any", "s3:PutObject"))
        ),
        ("policy",),
    ),
    Case(
        "minio:index/iamUserPolicyAttachment:IamUserPolicyAttachment",
        lambda place: {"user_name": place["user"], "policy_name": place["policy"]},
        import_id=lambda place, outputs: f"{place['user']}/{place['policy']}",
        made_up_id=True,
    ),
    Case(
        "minio:index/iamServiceAccount:IamServiceAccount",
        lambda place: {"target_user": place["user"], "policy": policy("some", "s3:GetObject")},
        lambda place, outputs: place["server"].update_service_account(
            outputs["id"], status="off", policy=json.loads(policy("some", "s3:GetObject"))
        ),
        ("disableUser", "status"),
    ),
]
