"""The one call of MinIO's administration API that the client library lacks: an access key for
another user than the caller.

Owns signing and sealing that request, with the library's own means. Must not know resource types.
"""

import json
from typing import Any
from urllib.parse import urlsplit

import urllib3
from minio import time
from minio.credentials import Credentials
from minio.crypto import decrypt, encrypt
from minio.error import MinioAdminException
from minio.helpers import sha256_hash
from minio.signer import sign_v4_s3

PATH = "/minio/admin/v3/add-service-account"


def add_service_account(
    http: urllib3.PoolManager, server_url: str, region: str, caller: Credentials, account: Any
) -> Any:
    """Returns the server's `credentials` with the new pair of keys."""
    url = urlsplit(server_url + PATH)
    sealed = encrypt(json.dumps(account).encode(), caller.secret_key)
    digest, now = sha256_hash(sealed), time.utcnow()
    headers = {
        "Host": url.netloc,
        "Content-Type": "application/octet-stream",
        "x-amz-date": time.to_amz_date(now),
        "x-amz-content-sha256": digest,
    }
    if caller.session_token:
        headers["X-Amz-Security-Token"] = caller.session_token
    signed = sign_v4_s3(
        method="PUT",
        url=url,
        region=region,
        headers=dict(headers),
        credentials=caller,
        content_sha256=digest,
        date=now,
    )
    # Sent once: nobody would know of the keys that a first, lost answer held.
    answer = http.request(
        "PUT", url.geturl(), body=sealed, headers=signed, preload_content=False, retries=False
    )
    if answer.status != 200:
        raise MinioAdminException(str(answer.status), answer.data.decode(errors="replace"))
    return json.loads(decrypt(answer, caller.secret_key))["credentials"]
