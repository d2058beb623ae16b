"""minio: buckets, users and policies of a MinIO server.

Owns which types there are. Follows aminueza/terraform-provider-minio in the generation that
pulumi-minio 0.17 bridges.
"""

from collections.abc import Mapping

from engine.provider import Handler
from engine.providers.minio.bucket import S3Bucket
from engine.providers.minio.bucket_policy import S3BucketPolicy
from engine.providers.minio.bucket_versioning import S3BucketVersioning
from engine.providers.minio.lifecycle import IlmPolicy
from engine.providers.minio.policy import IamPolicy
from engine.providers.minio.service_account import IamServiceAccount
from engine.providers.minio.user import IamUser, IamUserPolicyAttachment
from engine.providers.provider_resource import ProviderResource


def handlers() -> Mapping[str, Handler]:
    return {
        "pulumi:providers:minio": ProviderResource(
            package="minio",
            required=("minioServer",),
            secret_outputs=("minioPassword", "minioSecretKey", "minioSessionToken"),
            flags=("minioSsl", "minioInsecure"),
        ),
        "minio:index/s3Bucket:S3Bucket": S3Bucket(),
        "minio:index/s3BucketPolicy:S3BucketPolicy": S3BucketPolicy(),
        "minio:index/s3BucketVersioning:S3BucketVersioning": S3BucketVersioning(),
        "minio:index/ilmPolicy:IlmPolicy": IlmPolicy(),
        "minio:index/iamPolicy:IamPolicy": IamPolicy(),
        "minio:index/iamUser:IamUser": IamUser(),
        "minio:index/iamUserPolicyAttachment:IamUserPolicyAttachment": IamUserPolicyAttachment(),
        "minio:index/iamServiceAccount:IamServiceAccount": IamServiceAccount(),
    }
