"""minio:index/s3Bucket:S3Bucket.

Owns buckets, their canned access list and their quota in bytes.
"""

import re
from typing import Any

from engine.provider import Props
from engine.providers.minio.server import MinioError, MinioServer, server_of
from engine.providers.schema import (
    Field,
    SchemaHandler,
    is_unknown,
    known_of,
    outputs_of,
    refreshed,
)

NAME = re.compile(r"(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
READ_BUCKET = ["s3:GetBucketLocation", "s3:ListBucket"]
WRITE_BUCKET = ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"]
WRITE_OBJECT = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
WRITE_OBJECT += ["s3:DeleteObject"]
# Access list -> what anybody may do on the bucket and on its objects.
ACCESS: dict[str, tuple[list[str], list[str]]] = {
    "private": ([], []),
    "public-read": (READ_BUCKET, ["s3:GetObject"]),
    "public-write": (WRITE_BUCKET, WRITE_OBJECT),
    "public-read-write": (
        sorted({*READ_BUCKET, *WRITE_BUCKET}),
        ["s3:GetObject", *WRITE_OBJECT],
    ),
    "public": (sorted({*READ_BUCKET, *WRITE_BUCKET}), ["s3:*"]),
}


class S3Bucket(SchemaHandler):
    fields = {
        "bucket": Field(computed=True, replaces=True),
        "bucketPrefix": Field(replaces=True),
        "acl": Field(default="private", choices=ACCESS),
        "forceDestroy": Field(kind="bool", default=False, local=True),
        "objectLocking": Field(kind="bool", default=False, replaces=True, local=True),
        "quota": Field(kind="int", minimum=0),
        "arn": Field(output=True),
        "bucketDomainName": Field(output=True),
    }
    key = ("bucket",)
    autoname = "bucket"

    def validate(self, inputs: Props) -> None:
        if inputs.get("bucketPrefix"):
            raise ValueError("bucketPrefix is not supported: give the bucket's name")
        name = inputs["bucket"]
        if not is_unknown(name) and not NAME.fullmatch(name):
            raise ValueError("bucket must be 3 to 63 lower-case letters, digits, dots and hyphens")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        server, bucket = server_of(cfg), inputs["bucket"]
        try:
            server.make_bucket(bucket, object_lock=bool(inputs.get("objectLocking")))
        except MinioError as error:
            if error.code in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                message = f"bucket {bucket!r} already exists"
                raise MinioError(message, error.code, already_exists=True) from None
            raise
        if inputs["acl"] != "private":
            server.set_bucket_policy(bucket, _policy(bucket, inputs["acl"]))
        if inputs.get("quota"):
            server.set_quota_bytes(bucket, inputs["quota"])
        return bucket, outputs_of(self.fields, bucket, inputs, _shown(server, bucket))

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return inputs["bucket"] if server_of(cfg).bucket_exists(inputs["bucket"]) else None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        server = server_of(cfg)
        if not server.bucket_exists(id):
            return None
        known = known_of(self.fields, inputs, outputs)
        acl = _acl(id, server.bucket_policy(id), str(known.get("acl")))
        actual = {"acl": acl, "quota": server.quota_bytes(id) or None, **_shown(server, id)}
        return refreshed(self.fields, id, known, actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        server = server_of(cfg)
        changes = self.diff(cfg, id, {}, old_outputs, news).changes
        if "acl" in changes:
            server.set_bucket_policy(id, _policy(id, news["acl"]))
        if "quota" in changes:
            server.set_quota_bytes(id, news.get("quota") or 0)
        return outputs_of(self.fields, id, news, _shown(server, id))

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        server_of(cfg).delete_bucket(id, with_objects=bool(outputs.get("forceDestroy")))


def _shown(server: MinioServer, bucket: str) -> Props:
    return {
        "bucket": bucket,
        "arn": f"arn:aws:s3:::{bucket}",
        "bucketDomainName": f"{server.url}/minio/{bucket}",
    }


def _policy(bucket: str, acl: str) -> Any | None:
    on_bucket, on_objects = ACCESS[acl]
    if not on_bucket:
        return None
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": actions, "Resource": [on]}
            for actions, on in ((on_bucket, arn), (on_objects, f"{arn}/*"))
        ],
    }


def _acl(bucket: str, policy: Any | None, known: str) -> str:
    """Which access list a bucket's policy amounts to. One that is not ours belongs to an
    S3BucketPolicy resource; then the state's word stands."""
    if policy is None:
        return "private"
    for acl in ACCESS:
        if _allowed(_policy(bucket, acl)) == _allowed(policy):
            return acl
    return known


def _allowed(policy: Any | None) -> set[tuple[str, str]]:
    allowed = set()
    for statement in (policy or {}).get("Statement", []):
        actions, resources = (
            [value] if isinstance(value, str) else value
            for value in (statement.get("Action", []), statement.get("Resource", []))
        )
        allowed |= {(action, resource) for action in actions for resource in resources}
    return allowed
