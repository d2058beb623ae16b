"""minio: buckets, users and policies of a MinIO server.

Owns which types there are. Follows aminueza/terraform-provider-minio in the generation that
pulumi-minio 0.17 bridges. `IamServiceAccount` is missing: the client library cannot make one for
another user.
"""

from collections.abc import Mapping

from engine.provider import Handler
from engine.providers.minio.bucket import S3Bucket
from engine.providers.minio.policy import IamPolicy
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
        "minio:index/iamPolicy:IamPolicy": IamPolicy(),
        "minio:index/iamUser:IamUser": IamUser(),
        "minio:index/iamUserPolicyAttachment:IamUserPolicyAttachment": IamUserPolicyAttachment(),
    }
