"""minio:index/ilmPolicy:IlmPolicy.

Owns which objects of a bucket expire, and when: all rules of a bucket are one document.
"""

import re
from datetime import UTC, datetime

from minio.commonconfig import ENABLED, AndOperator, Filter, Tags
from minio.lifecycleconfig import Expiration, LifecycleConfig, NoncurrentVersionExpiration, Rule

from engine.provider import Props
from engine.providers.minio.server import NO_BUCKET, MinioError, server_of
from engine.providers.schema import (
    Field,
    SchemaHandler,
    is_unknown,
    known_of,
    outputs_of,
    refreshed,
)

DAYS = re.compile(r"([1-9]\d{0,5})d")
DELETE_MARKER = "DeleteMarker"


class IlmPolicy(SchemaHandler):
    fields = {
        "bucket": Field(required=True, replaces=True),
        "rules": Field(
            kind="blocks",
            required=True,
            fields={
                "id": Field(required=True),
                "expiration": Field(default=""),
                "noncurrentVersionExpirationDays": Field(kind="int", default=0, minimum=1),
                "status": Field(computed=True),
                "filter": Field(default=""),
                "tags": Field(kind="map"),
            },
        ),
    }
    key = ("bucket",)

    def validate(self, inputs: Props) -> None:
        if is_unknown(inputs["rules"]):
            return
        if not inputs["rules"]:
            raise ValueError("rules must hold at least one rule")
        for rule in inputs["rules"]:
            if rule.get("expiration"):
                _expiration(rule["expiration"])
            elif not rule.get("noncurrentVersionExpirationDays"):
                raise ValueError("a rule needs expiration or noncurrentVersionExpirationDays")
            if rule.get("status") not in (None, ENABLED):
                raise ValueError("status of a rule is always Enabled: leave the rule out instead")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        bucket = inputs["bucket"]
        if _read(cfg, bucket):
            message = f"lifecycle rules of bucket {bucket!r} already exist"
            raise MinioError(message, already_exists=True)
        return bucket, self._set(cfg, bucket, inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return inputs["bucket"] if _read(cfg, inputs["bucket"]) else None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        rules = _read(cfg, id)
        if not rules:
            return None
        known = known_of(self.fields, inputs, outputs)
        return refreshed(self.fields, id, known, {"bucket": id, "rules": rules})

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        return self._set(cfg, id, news)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        try:
            server_of(cfg).set_lifecycle(id, None)
        except MinioError as error:
            if error.code != NO_BUCKET:
                raise

    def _set(self, cfg: Props, bucket: str, inputs: Props) -> Props:
        rules = [_rule(given) for given in inputs["rules"]]
        server_of(cfg).set_lifecycle(bucket, LifecycleConfig(rules))
        outputs = outputs_of(self.fields, bucket, inputs, {})
        # The rules with all their members, as a read shows them.
        pairs = zip(map(_shown, rules), outputs["rules"], strict=True)
        return outputs | {"rules": [{**shown, **given} for shown, given in pairs]}


def _rule(given: Props) -> Rule:
    prefix, tags = given.get("filter") or "", Tags()
    tags.update(given.get("tags") or {})
    days = given.get("noncurrentVersionExpirationDays")
    return Rule(
        ENABLED,
        rule_filter=Filter(AndOperator(prefix, tags)) if tags else Filter(prefix=prefix),
        rule_id=given["id"],
        expiration=_expiration(given["expiration"]) if given.get("expiration") else None,
        noncurrent_version_expiration=NoncurrentVersionExpiration(days) if days else None,
    )


def _expiration(text: str) -> Expiration:
    if text == DELETE_MARKER:
        return Expiration(expired_object_delete_marker=True)
    if days := DAYS.fullmatch(text):
        return Expiration(days=int(days[1]))
    try:
        return Expiration(date=datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC))
    except ValueError:
        raise ValueError(
            f"expiration must be days (5d), a date (2030-01-31) or {DELETE_MARKER}"
        ) from None


def _read(cfg: Props, bucket: str) -> list[Props]:
    """Empty when there is no rule, or no bucket."""
    try:
        config = server_of(cfg).lifecycle(bucket)
    except MinioError as error:
        if error.code == NO_BUCKET:
            return []
        raise
    return [_shown(rule) for rule in config.rules] if config else []


def _shown(rule: Rule) -> Props:
    both = rule.rule_filter and rule.rule_filter.and_operator
    prefix = both.prefix if both else rule.rule_filter and rule.rule_filter.prefix
    noncurrent = rule.noncurrent_version_expiration
    return {
        "id": rule.rule_id,
        "expiration": _shown_expiration(rule.expiration),
        "noncurrentVersionExpirationDays": (noncurrent and noncurrent.noncurrent_days) or 0,
        "status": rule.status,
        "filter": prefix or "",
        "tags": dict(both.tags) if both and both.tags else None,
    }


def _shown_expiration(expiration: Expiration | None) -> str:
    if expiration is None:
        return ""
    if expiration.expired_object_delete_marker:
        return DELETE_MARKER
    if expiration.days:
        return f"{expiration.days}d"
    return f"{expiration.date:%Y-%m-%d}" if expiration.date else ""
