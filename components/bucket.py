"""basecroft:index:Bucket: a project's bucket, and the user that may reach it and nothing else.

Owns the storage policy. Bucket, user and policy share one name, so that leftovers are found by it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_minio as minio

from contracts.refs import ProjectNames, is_plain


@dataclass(frozen=True)
class BucketArgs:
    ref: str
    user_secrets: Mapping[int, pulumi.Input[str]]
    """By generation, those that are accepted, the one in use first."""
    quota_bytes: int
    protected: bool = False


class Bucket(pulumi.ComponentResource):
    """Provider needed: minio."""

    name: pulumi.Output[str]
    user: pulumi.Output[str]

    def __init__(
        self, name: str, args: BucketArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("basecroft:index:Bucket", name, {"ref": args.ref}, opts)
        names = ProjectNames(args.ref)
        child = pulumi.ResourceOptions(parent=self)
        bucket = minio.S3Bucket(
            "bucket",
            bucket=names.bucket,
            acl="private",
            quota=args.quota_bytes,
            force_destroy=not args.protected,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected),
        )
        policy = minio.IamPolicy(
            "policy",
            name=names.storage_user,
            policy=json.dumps(storage_policy(names.bucket)),
            opts=child,
        )
        users = []
        for generation, secret in args.user_secrets.items():
            turn = "" if is_plain(generation) else "-b"
            user = minio.IamUser(
                f"user{turn}",
                name=names.storage_user_of(generation),
                secret=secret,
                force_destroy=True,
                opts=child,
            )
            minio.IamUserPolicyAttachment(
                f"attachment{turn}", user_name=user.name, policy_name=policy.name, opts=child
            )
            users.append(user)
        self.name = bucket.bucket
        self.user = users[0].name
        self.register_outputs({"name": self.name, "user": self.user})


def storage_policy(bucket: str) -> dict[str, Any]:
    """Objects of one bucket; no listing of others, no policies, no keys of its own making."""
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "s3:GetBucketLocation",
                    "s3:ListBucket",
                    "s3:ListBucketMultipartUploads",
                ],
                "Resource": [arn],
            },
            {
                "Effect": "Allow",
                "Action": [
                    "s3:AbortMultipartUpload",
                    "s3:DeleteObject",
                    "s3:GetObject",
                    "s3:ListMultipartUploadParts",
                    "s3:PutObject",
                ],
                "Resource": [f"{arn}/*"],
            },
            # MinIO lets every user make service accounts for itself unless told not to; they would
            # outlive a change of its secret. (AssumeRole cannot be denied; its keys may no more
            # than the user and end by themselves.)
            {"Effect": "Deny", "Action": ["admin:*"]},
        ],
    }
