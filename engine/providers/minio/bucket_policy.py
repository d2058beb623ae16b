"""minio:index/s3BucketPolicy:S3BucketPolicy.

Owns the policy of a bucket that has no canned access list.
"""

import json

from engine.provider import Props
from engine.providers.minio.policy import require_policy, same_policy
from engine.providers.minio.server import NO_BUCKET, MinioError, server_of
from engine.providers.schema import Field, SchemaHandler, known_of, outputs_of, refreshed


class S3BucketPolicy(SchemaHandler):
    fields = {
        "bucket": Field(required=True, replaces=True),
        "policy": Field(required=True, same=same_policy),
    }
    key = ("bucket",)

    def validate(self, inputs: Props) -> None:
        require_policy(inputs["policy"])

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        server, bucket = server_of(cfg), inputs["bucket"]
        there = server.bucket_policy(bucket)
        if there is not None and not same_policy(inputs["policy"], json.dumps(there)):
            message = f"the policy of bucket {bucket!r} already exists, and says something else"
            raise MinioError(message, already_exists=True)
        server.set_bucket_policy(bucket, json.loads(inputs["policy"]))
        return bucket, outputs_of(self.fields, bucket, inputs, {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return inputs["bucket"] if _policy(cfg, inputs["bucket"]) else None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        policy = _policy(cfg, id)
        if policy is None:
            return None
        known = known_of(self.fields, inputs, outputs)
        return refreshed(self.fields, id, known, {"bucket": id, "policy": policy})

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        server_of(cfg).set_bucket_policy(id, json.loads(news["policy"]))
        return outputs_of(self.fields, id, news, {})

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        try:
            server_of(cfg).set_bucket_policy(id, None)
        except MinioError as error:
            if error.code not in (NO_BUCKET, "NoSuchBucketPolicy"):
                raise


def _policy(cfg: Props, bucket: str) -> str | None:
    try:
        policy = server_of(cfg).bucket_policy(bucket)
    except MinioError as error:
        if error.code == NO_BUCKET:
            return None
        raise
    return None if policy is None else json.dumps(policy)
