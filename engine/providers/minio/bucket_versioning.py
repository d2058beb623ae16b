"""minio:index/s3BucketVersioning:S3BucketVersioning.

Owns whether a bucket keeps old versions. Once on it can only be suspended, which is what removing
this resource does.
"""

from minio.versioningconfig import SUSPENDED, VersioningConfig

from engine.provider import Props
from engine.providers.minio.server import NO_BUCKET, MinioError, server_of
from engine.providers.schema import Field, SchemaHandler, known_of, outputs_of, refreshed


class S3BucketVersioning(SchemaHandler):
    fields = {
        "bucket": Field(required=True, replaces=True),
        "versioningConfiguration": Field(
            kind="block",
            required=True,
            fields={
                "status": Field(required=True, choices=("Enabled", "Suspended")),
                "excludedPrefixes": Field(kind="list"),
                "excludeFolders": Field(kind="bool", default=False),
            },
        ),
    }
    key = ("bucket",)

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        bucket = inputs["bucket"]
        return bucket, self._set(cfg, bucket, inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None  # setting it again is harmless

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        server = server_of(cfg)
        if not server.bucket_exists(id):
            return None
        known = known_of(self.fields, inputs, outputs)
        actual = {"bucket": id, "versioningConfiguration": _shown(server.versioning(id))}
        return refreshed(self.fields, id, known, actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        return self._set(cfg, id, news)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        try:
            server_of(cfg).set_versioning(id, VersioningConfig(SUSPENDED))
        except MinioError as error:
            # The second: a bucket whose objects can be locked keeps its versions.
            if error.code not in (NO_BUCKET, "InvalidBucketState"):
                raise

    def _set(self, cfg: Props, bucket: str, inputs: Props) -> Props:
        block = inputs["versioningConfiguration"]
        config = VersioningConfig(
            status=block["status"],
            excluded_prefixes=block.get("excludedPrefixes"),
            exclude_folders=bool(block.get("excludeFolders")),
        )
        server_of(cfg).set_versioning(bucket, config)
        actual = {"versioningConfiguration": _shown(config)}
        return outputs_of(self.fields, bucket, inputs, actual)


def _shown(config: VersioningConfig) -> Props:
    return {
        "status": config.status or "",
        "excludedPrefixes": config.excluded_prefixes or None,
        "excludeFolders": config.exclude_folders,
    }
