"""Clients of a MinIO server: S3 and administration.

Owns connections, timeouts, errors with the server's codes, and the thin calls by name that
handlers and the control plane share: is it there, remove it. Must not know resource types.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import urllib3
from minio import Minio, MinioAdmin
from minio.credentials import StaticProvider
from minio.deleteobjects import DeleteObject
from minio.error import MinioAdminException, MinioException, S3Error
from minio.lifecycleconfig import LifecycleConfig
from minio.versioningconfig import VersioningConfig
from urllib3.exceptions import ConnectTimeoutError, HTTPError

from engine.provider import Props
from engine.providers.clients import Clients
from engine.providers.minio.admin_request import add_service_account
from engine.providers.provider_resource import flag, text
from engine.providers.server_error import ServerError

T = TypeVar("T")

CONNECT_TIMEOUT_S, READ_TIMEOUT_S, RETRIES_MAX, ATTEMPTS_MAX = 5.0, 60.0, 3, 2
EMPTYING_ROUNDS_MAX = 5

NO_BUCKET, NO_USER, NO_POLICY = "NoSuchBucket", "XMinioAdminNoSuchUser", "XMinioAdminNoSuchPolicy"
NO_ACCOUNT = "XMinioInvalidIAMCredentials"


class MinioError(ServerError):
    """What the server answered; `code` is its error code, empty when it did not answer."""

    def __init__(self, message: str, code: str = "", **marks: bool) -> None:
        super().__init__(message, **marks)
        self.code = code


@dataclass(frozen=True)
class Login:
    server: str
    user: str
    password: str = field(repr=False)
    session_token: str | None = field(repr=False)
    region: str
    tls: bool
    verify_tls: bool


class MinioServer:
    """Safe to share between threads, as the clients below are."""

    def __init__(self, login: Login) -> None:
        pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
            maxsize=10,
            cert_reqs="CERT_REQUIRED" if login.verify_tls else "CERT_NONE",
            # Of what was not done. What may have been done is repeated by `_call`, if at all.
            retries=urllib3.Retry(
                total=RETRIES_MAX, read=0, other=0, backoff_factor=0.2, status_forcelist=[503]
            ),
        )
        credentials = StaticProvider(login.user, login.password, login.session_token)
        self._http, self._credentials, self._region = pool, credentials, login.region
        self.url = f"{'https' if login.tls else 'http'}://{login.server}"
        self._s3 = Minio(
            login.server,
            credentials=credentials,
            secure=login.tls,
            region=login.region,
            http_client=pool,
        )
        self._admin = MinioAdmin(
            endpoint=login.server,
            credentials=credentials,
            secure=login.tls,
            region=login.region,
            http_client=pool,
        )
        # The policies of a user are one list, replaced as a whole.
        self._attaching = threading.Lock()

    def close(self) -> None:
        self._http.clear()

    # Buckets

    def bucket_exists(self, bucket: str) -> bool:
        return bool(_call(lambda: self._s3.bucket_exists(bucket)))

    def buckets(self) -> list[str]:
        return [bucket.name for bucket in _call(self._s3.list_buckets)]

    def used_bytes(self) -> dict[str, int]:
        """Of each bucket, as MinIO's scanner saw it last: it lags by a minute or so."""
        usage = json.loads(_call(self._admin.get_data_usage_info)).get("bucketsUsageInfo") or {}
        return {bucket: int(found.get("size", 0)) for bucket, found in usage.items()}

    def make_bucket(self, bucket: str, *, object_lock: bool) -> None:
        _call(lambda: self._s3.make_bucket(bucket, object_lock=object_lock), repeatable=False)

    def bucket_policy(self, bucket: str) -> Any | None:
        text = _found("NoSuchBucketPolicy", lambda: self._s3.get_bucket_policy(bucket))
        return text and json.loads(text)

    def set_bucket_policy(self, bucket: str, policy: Any | None) -> None:
        if policy is None:
            _call(lambda: self._s3.delete_bucket_policy(bucket))
        else:
            _call(lambda: self._s3.set_bucket_policy(bucket, json.dumps(policy)))

    def quota_bytes(self, bucket: str) -> int:
        quota = json.loads(_call(lambda: self._admin.bucket_quota_get(bucket)))
        return int(quota.get("size") or quota.get("quota") or 0)

    def set_quota_bytes(self, bucket: str, quota_bytes: int) -> None:
        """Zero is no quota."""
        _call(lambda: self._admin.bucket_quota_set(bucket, quota_bytes))

    def versioning(self, bucket: str) -> VersioningConfig:
        return _call(lambda: self._s3.get_bucket_versioning(bucket))

    def set_versioning(self, bucket: str, config: VersioningConfig) -> None:
        self._require(bucket)
        _call(lambda: self._s3.set_bucket_versioning(bucket, config))

    def lifecycle(self, bucket: str) -> LifecycleConfig | None:
        return _call(lambda: self._s3.get_bucket_lifecycle(bucket))

    def set_lifecycle(self, bucket: str, config: LifecycleConfig | None) -> None:
        if config is None:
            _call(lambda: self._s3.delete_bucket_lifecycle(bucket))
        else:
            self._require(bucket)
            _call(lambda: self._s3.set_bucket_lifecycle(bucket, config))

    def _require(self, bucket: str) -> None:
        """The server takes settings of a bucket that is not there, and does not keep them."""
        if not self.bucket_exists(bucket):
            raise MinioError(f"bucket {bucket!r} does not exist", NO_BUCKET)

    def delete_bucket(self, bucket: str, *, with_objects: bool) -> None:
        """A bucket that is gone already is fine."""
        for _ in range(EMPTYING_ROUNDS_MAX):
            try:
                _call(lambda: self._s3.remove_bucket(bucket))
                return
            except MinioError as error:
                if error.code == NO_BUCKET:
                    return
                if error.code != "BucketNotEmpty" or not with_objects:
                    raise
            self._empty(bucket)
        raise MinioError(f"bucket {bucket!r} is being written to and cannot be emptied")

    def _empty(self, bucket: str) -> None:
        """All versions, delete markers and locked objects. Leftover multipart uploads do not keep
        MinIO from removing a bucket."""

        def remove() -> list[str]:
            found = self._s3.list_objects(bucket, recursive=True, include_version=True)
            doomed = (DeleteObject(str(o.object_name), o.version_id) for o in found)
            failed = self._s3.remove_objects(bucket, doomed, bypass_governance_mode=True)
            return [error.code for error in failed]

        if codes := _call(remove):
            raise MinioError(
                f"objects in bucket {bucket!r} cannot be removed: {codes[0]}", codes[0]
            )

    # Users

    def user(self, name: str) -> Any | None:
        text = _found(NO_USER, lambda: self._admin.user_info(name))
        return text and json.loads(text)

    def set_user(self, name: str, secret: str) -> None:
        """Makes the user, or gives it another secret; either way it is enabled."""
        _call(lambda: self._admin.user_add(name, secret))

    def enable_user(self, name: str, enabled: bool) -> None:
        switch = self._admin.user_enable if enabled else self._admin.user_disable
        _call(lambda: switch(name))

    def delete_user(self, name: str) -> None:
        _found(NO_USER, lambda: self._admin.user_remove(name))

    def policies_of(self, user: str) -> list[str]:
        names = (self.user(user) or {}).get("policyName") or ""
        return [name for name in names.split(",") if name]

    def attach_policy(self, user: str, policy: str) -> None:
        with self._attaching:
            attached = self.policies_of(user)
            if policy not in attached:
                # Replacing the list is a plain call; attaching costs two key derivations of 64 MiB.
                names = ",".join([*attached, policy])
                _call(lambda: self._admin.policy_set(names, user=user))

    def detach_policy(self, user: str, policy: str) -> None:
        with self._attaching:
            attached = self.policies_of(user)
            if policy in attached:
                names = ",".join(name for name in attached if name != policy)
                _call(lambda: self._admin.policy_set(names, user=user))

    # Service accounts: further keys of a user

    def service_account(self, access_key: str) -> Any | None:
        text = _found(NO_ACCOUNT, lambda: self._admin.get_service_account(access_key))
        return text and json.loads(text)

    def add_service_account(self, user: str, policy: Any | None) -> tuple[str, str]:
        """Returns the access key and the secret key. Without a policy the user's own hold."""
        account = {"targetUser": user} | ({"policy": policy} if policy else {})
        keys = _call(
            lambda: add_service_account(
                self._http, self.url, self._region, self._credentials.retrieve(), account
            ),
            repeatable=False,
        )
        return keys["accessKey"], keys["secretKey"]

    def update_service_account(
        self,
        access_key: str,
        *,
        secret_key: str | None = None,
        policy: Any | None = None,
        status: str | None = None,
    ) -> None:
        """What is not given stays, except a policy: without one the user's own hold again."""
        _call(
            lambda: self._admin.update_service_account(
                access_key=access_key, secret_key=secret_key, policy=policy, status=status
            )
        )

    def delete_service_account(self, access_key: str) -> None:
        _found(NO_ACCOUNT, lambda: self._admin.delete_service_account(access_key))

    # Policies

    def policy(self, name: str) -> Any | None:
        text = _found(NO_POLICY, lambda: self._admin.policy_info(name))
        answer = text and json.loads(text)
        return answer and answer.get("Policy", answer)

    def set_policy(self, name: str, policy: Any) -> None:
        _call(lambda: self._admin.policy_add(name, policy=policy))

    def delete_policy(self, name: str) -> None:
        _found(NO_POLICY, lambda: self._admin.policy_remove(name))


def _found(missing: str, call: Callable[[], T]) -> T | None:
    try:
        return _call(call)
    except MinioError as error:
        if error.code == missing:
            return None
        raise


def _call(call: Callable[[], T], *, repeatable: bool = True) -> T:
    """Do it, again if its answer got lost and twice comes to the same."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            return _said_by_us(call)
        except MinioError as error:
            if attempt == ATTEMPTS_MAX or not (repeatable and error.outcome_unknown):
                raise
        time.sleep(0.2 * 2**attempt)
    raise AssertionError("unreachable")


def _said_by_us(call: Callable[[], T]) -> T:
    """The library's exceptions as ours. They repeat neither bodies nor credentials of a request,
    but an admin answer is raw JSON: only its code and message are kept."""
    try:
        return call()
    except S3Error as error:
        raise MinioError(f"MinIO: {error.message}", str(error.code)) from None
    except MinioAdminException as error:
        _, (status, body) = error.__reduce__()  # its only public parts
        raise _admin_error(status, body) from None
    except MinioException as error:
        # What is neither JSON nor XML came from a gateway that may have sent the request on.
        raise MinioError(f"MinIO: {error}", outcome_unknown=True) from None
    except HTTPError as error:
        cause = getattr(error, "reason", error)
        never_sent = isinstance(cause, ConnectTimeoutError)  # refused is one of them
        raise MinioError(f"MinIO: {error}", outcome_unknown=not never_sent) from None


def _admin_error(status: str, body: str) -> MinioError:
    try:
        answer = json.loads(body)
        return MinioError(f"MinIO: {answer['Message']}", str(answer["Code"]))
    except (ValueError, KeyError, TypeError):
        return MinioError(f"MinIO answered {status}", outcome_unknown=True)


def login_of(cfg: Props) -> Login:
    return Login(
        server=text(cfg, "minioServer"),
        user=text(cfg, "minioUser") or text(cfg, "minioAccessKey"),
        password=text(cfg, "minioPassword") or text(cfg, "minioSecretKey"),
        session_token=text(cfg, "minioSessionToken") or None,
        region=text(cfg, "minioRegion", "us-east-1"),
        tls=flag(cfg, "minioSsl", False),
        verify_tls=not flag(cfg, "minioInsecure", False),
    )


_clients = Clients(MinioServer)
close_all = _clients.close_all


def server_of(cfg: Props) -> MinioServer:
    return _clients.of(login_of(cfg))
