"""The storage policy on a real MinIO: one bucket's objects and nothing else."""

import json
from collections.abc import Iterator
from io import BytesIO

import pytest
from minio import Minio, MinioAdmin
from minio.commonconfig import CopySource
from minio.credentials import StaticProvider
from minio.credentials.providers import AssumeRoleProvider
from minio.error import MinioAdminException, S3Error
from urllib3 import PoolManager, Retry

from components.bucket import storage_policy
from contracts.refs import ProjectNames, new_ref
from tests.components.servers import TOOLS, answers, running
from tests.fixtures.ports import free_port

ROOT = ("croft_admin", "root secret of the tests")


class Store:
    def __init__(self, port: int) -> None:
        self.server = f"127.0.0.1:{port}"
        # MinIO may say 503 for a moment after it said ready, and `Retry-After: 60` with it.
        retry = Retry(
            10, backoff_factor=0.1, status_forcelist=[503], respect_retry_after_header=False
        )
        self.http = PoolManager(retries=retry)
        self.root = Minio(self.server, *ROOT, secure=False, http_client=self.http)
        self.admin = self.admin_as(*ROOT)

    def user(self) -> tuple[Minio, str, str]:
        """A new project's bucket and the client of its user."""
        name, secret = ProjectNames(new_ref()).bucket, "secret-" + new_ref()
        self.root.make_bucket(name)
        self.root.put_object(name, "first", BytesIO(b"x"), 1)
        self.admin.user_add(name, secret)
        self.admin.policy_add(name, policy=storage_policy(name))
        self.admin.policy_set(name, user=name)
        return Minio(self.server, name, secret, secure=False), name, secret

    def admin_as(self, user: str, secret: str) -> MinioAdmin:
        return MinioAdmin(
            endpoint=self.server,
            credentials=StaticProvider(user, secret),
            secure=False,
            http_client=self.http,
        )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder, port = tmp_path_factory.mktemp("minio"), free_port()
    argv = [str(TOOLS.tool("minio")), "server", str(folder / "data"), "--address",
            f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{free_port()}"]  # fmt: skip
    env = {"MINIO_ROOT_USER": ROOT[0], "MINIO_ROOT_PASSWORD": ROOT[1], "HOME": str(folder)}
    ready = f"http://127.0.0.1:{port}/minio/health/ready"
    with running(argv, lambda: answers(ready), folder / "log", env=env):
        yield Store(port)


def test_own_objects(store: Store) -> None:
    client, bucket, _ = store.user()
    big = b"x" * (6 * 1024 * 1024)
    client.put_object(bucket, "a/b", BytesIO(big), len(big), part_size=5 * 1024 * 1024)
    assert [o.object_name for o in client.list_objects(bucket, recursive=True)] == ["a/b", "first"]
    answer = client.get_object(bucket, "a/b")
    assert len(answer.read()) == len(big)
    answer.close()
    answer.release_conn()
    client.copy_object(bucket, "c", CopySource(bucket, "first"))
    client.remove_object(bucket, "a/b")


def test_nothing_of_anybody_else(store: Store) -> None:
    client, bucket, secret = store.user()
    _, other, _ = store.user()
    read_all = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["*"]},
         "Action": ["s3:GetObject"], "Resource": [f"arn:aws:s3:::{bucket}/*"]}]}
    )  # fmt: skip
    for attempt in (
        lambda: client.get_object(other, "first"),
        lambda: client.put_object(other, "x", BytesIO(b""), 0),
        lambda: client.copy_object(bucket, "stolen", CopySource(other, "first")),
        lambda: list(client.list_objects(other)),
        lambda: client.remove_object(other, "first"),
        lambda: client.make_bucket("mine"),
        lambda: client.remove_bucket(bucket),
        lambda: client.set_bucket_policy(bucket, read_all),
        lambda: client.get_bucket_policy(bucket),
    ):
        with pytest.raises(S3Error) as caught:
            attempt()
        assert caught.value.code == "AccessDenied"
    assert [b.name for b in client.list_buckets()] in ([], [bucket])
    # MinIO grants AssumeRole to every user; the keys must not reach further than the user.
    assumed = AssumeRoleProvider(
        sts_endpoint=f"http://{store.server}", access_key=bucket, secret_key=secret
    )
    with pytest.raises(S3Error, match="AccessDenied"):
        Minio(store.server, credentials=assumed, secure=False).get_object(other, "first")
    own_admin = store.admin_as(bucket, secret)
    for attempt in (
        own_admin.user_list,
        own_admin.info,
        own_admin.policy_list,
        lambda: own_admin.add_service_account(
            access_key="mykeymykey", secret_key="mysecretmysecret", name="mine"
        ),
    ):
        with pytest.raises(MinioAdminException, match="AccessDenied"):
            attempt()
