import json
from dataclasses import replace

import pytest

from engine.checkpoint import (
    CheckpointWriter,
    import_deployment,
    magic,
    read_checkpoint,
    summarize,
)
from engine.errors import CheckpointError, DecryptionError, IntegrityError
from engine.integrity import verify_integrity
from engine.resource_state import Manifest, OperationType, ResourceState, Snapshot, timestamp
from engine.secrets_passphrase import StackSecrets, new_salt
from engine.values import Secret
from tests.engine.goldens import CHECKPOINTS, Opened, golden

CREATED = "cli-1-after-up-create.json"


def edited(change, name=CREATED):
    """A golden checkpoint with something done to it."""
    document = json.loads(golden(name))
    change(document)
    return json.dumps(document).encode()


def resource(urn="urn:pulumi:s::p::a:b:C::n", **fields):
    return ResourceState(urn=urn, type="a:b:C", **fields)


def written(*resources, secrets=None, **fields):
    snapshot = Snapshot(
        manifest=Manifest("2026-01-01T00:00:00Z", "v"), resources=resources, **fields
    )
    return json.loads(CheckpointWriter(secrets).checkpoint("organization/p/s", snapshot))


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_what_the_cli_wrote_is_written_back_byte_for_byte(name):
    opened = Opened()
    snapshot = read_checkpoint(golden(name), opened)
    verify_integrity(snapshot)
    stack = json.loads(golden(name))["checkpoint"]["stack"]
    assert CheckpointWriter(opened.secrets).checkpoint(stack, snapshot) == golden(name)


def test_an_export_reads_and_writes_like_the_clis():
    opened = Opened()
    snapshot = import_deployment(golden("cli-stack-export.json"), opened)
    writer = CheckpointWriter(opened.secrets)
    assert writer.export(snapshot) == golden("cli-stack-export.json").decode().rstrip("\n")
    shown = writer.export(snapshot, show_secrets=True)
    assert json.loads(shown)["deployment"]["resources"][0]["outputs"]["password"]["plaintext"]
    again = import_deployment(shown.encode(), Opened())
    assert [(r.urn, r.inputs, r.outputs) for r in again.resources] == [
        (r.urn, r.inputs, r.outputs) for r in snapshot.resources
    ]


def test_secrets_arrive_as_secrets_and_the_memory_of_the_writer_is_per_resource():
    opened = Opened()
    snapshot = read_checkpoint(golden(CREATED), opened)
    assert isinstance(snapshot.stack_outputs["password"], Secret)
    role = next(r for r in snapshot.resources if r.type.endswith(":Role"))
    changed = replace(role, outputs={**role.outputs, "password": Secret("new")})
    writer = CheckpointWriter(opened.secrets)
    first = writer.checkpoint("s", snapshot)
    resources = tuple(changed if r is role else r for r in snapshot.resources)
    second = writer.checkpoint("s", replace(snapshot, resources=resources))
    assert first != second
    before, after = (
        json.loads(text)["checkpoint"]["latest"]["resources"] for text in (first, second)
    )
    index = resources.index(changed)
    assert before[index]["inputs"] == after[index]["inputs"]  # same ciphertext
    assert before[:index] + before[index + 1 :] == after[:index] + after[index + 1 :]


def test_another_salt_encrypts_everything_anew():
    snapshot = read_checkpoint(golden(CREATED), Opened())
    secrets = StackSecrets("other", new_salt("other"))
    data = CheckpointWriter(secrets).checkpoint("s", snapshot)
    with pytest.raises(DecryptionError, match="incorrect passphrase"):
        read_checkpoint(data, Opened())
    again = read_checkpoint(data, lambda provider: StackSecrets("other", provider.state["salt"]))
    assert again.stack_outputs == snapshot.stack_outputs


def test_unknown_fields_are_kept_everywhere():
    def add(document):
        latest = document["checkpoint"]["latest"]
        latest["news"] = {"a": 1}
        latest["manifest"]["plugins"] = [{"name": "x"}]
        latest["resources"][2]["invention"] = ["b"]

    data = edited(add)
    opened = Opened()
    stack = json.loads(data)["checkpoint"]["stack"]
    again = CheckpointWriter(opened_writer(data, opened)).checkpoint(
        stack, read_checkpoint(data, opened)
    )
    assert json.loads(again) == json.loads(data)


def opened_writer(data, opened):
    read_checkpoint(data, opened)
    return opened.secrets


def test_a_stack_without_any_deployment():
    data = CheckpointWriter(None).checkpoint("organization/p/s", None)
    assert read_checkpoint(data, Opened()) is None
    assert (
        read_checkpoint(b'{"version":0,"checkpoint":{"stack":"organization/p/s"}}', Opened())
        is None
    )
    assert summarize(data).resource_types == ()


def test_a_summary_needs_no_passphrase():
    summary = summarize(golden(CREATED))
    assert len(summary.resource_types) == 5 and summary.last_update.startswith("2026-")


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (
            lambda d: d.update(version=4, features=["hooks", "taint", "views", "x"]),
            CheckpointError,
            "engine: views, x",
        ),
        (lambda d: d.update(version=5), CheckpointError, "too new"),
        (lambda d: d.update(version=2), CheckpointError, "too old"),
        (
            lambda d: d["checkpoint"]["latest"]["manifest"].update(magic="0"),
            IntegrityError,
            "magic",
        ),
        (lambda d: d["checkpoint"]["latest"].pop("manifest"), CheckpointError, "manifest"),
        (lambda d: d["checkpoint"]["latest"]["resources"][1].pop("urn"), CheckpointError, "'urn'"),
        (
            lambda d: d["checkpoint"]["latest"]["resources"][1].pop("type"),
            CheckpointError,
            "'type'",
        ),
        (
            lambda d: d["checkpoint"]["latest"].pop("secrets_providers"),
            CheckpointError,
            "no secrets",
        ),
        (lambda d: d["checkpoint"]["latest"].update(resources=[1]), CheckpointError, "deserialize"),
        (lambda d: d["checkpoint"].update(latest=["x"]), CheckpointError, "deserialize"),
        (
            lambda d: d["checkpoint"]["latest"].update(
                pending_operations=[{"resource": {"urn": "u", "type": "t"}, "type": "dancing"}]
            ),
            CheckpointError,
            "dancing",
        ),
        (
            lambda d: d["checkpoint"]["latest"]["resources"][1]["inputs"].update(
                password={"4dabf18193072939515e22adb298388d": "unheard of"}
            ),
            CheckpointError,
            "unrecognized signature",
        ),
    ],
)
def test_files_that_the_cli_or_we_cannot_use_are_refused(change, error, text):
    with pytest.raises(error, match=text):
        read_checkpoint(edited(change), Opened())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", golden(CREATED)[:-20]])
def test_nonsense_and_half_files_are_refused(data):
    with pytest.raises(CheckpointError):
        read_checkpoint(data, Opened())


def test_what_is_empty_is_omitted_and_timeouts_are_seconds_in_order():
    document = written(
        resource(
            custom_timeouts={"delete": 60.0, "create": 300.0, "read": 0.0},
            property_dependencies={"b": (), "a": ("urn:x",)},
            aliases=("urn:old",),
            retain_on_delete=True,
            import_id="i",
        )
    )
    (fields,) = document["checkpoint"]["latest"]["resources"]
    assert list(fields) == [
        "urn",
        "custom",
        "type",
        "propertyDependencies",
        "customTimeouts",
        "importID",
        "retainOnDelete",
    ]
    assert list(fields["propertyDependencies"]) == ["a", "b"]
    assert list(fields["customTimeouts"].items()) == [("create", 300), ("delete", 60)]
    assert document["checkpoint"]["latest"]["manifest"]["magic"] == magic("v")


def test_a_secret_is_never_written_without_a_provider():
    with pytest.raises(CheckpointError, match=r"inputs\.a"):
        written(resource(inputs={"a": Secret("x")}))


def test_pending_operations_come_back():
    opened = Opened()
    snapshot = read_checkpoint(golden("cli-midflight-pending-operations.json"), opened)
    (operation,) = snapshot.pending_operations
    assert operation.type == OperationType.CREATING and not snapshot.resources


def test_times_as_go_writes_them():
    assert timestamp(1795358929120000000) == "2026-11-22T14:48:49.12Z"
    assert timestamp(1795358929000000000) == "2026-11-22T14:48:49Z"


def test_what_older_readers_must_not_overlook_makes_it_version_4():
    base = resource("urn:pulumi:s::p::a:b:C::base")
    linked = resource(replace_with=(base.urn,), resource_hooks={"BeforeDelete": ["h"]})
    snapshot = Snapshot(manifest=Manifest("2026-01-01T00:00:00Z", "v"), resources=(base, linked))
    text = CheckpointWriter(None).checkpoint("organization/p/s", snapshot)
    assert text.startswith(b'{"version":4,"features":["hooks","replaceWith"],"checkpoint":{')
    read = read_checkpoint(text, Opened())
    assert read.resources[1].replace_with == (base.urn,)
    assert read.resources[1].resource_hooks == {"BeforeDelete": ["h"]}
    assert CheckpointWriter(None).checkpoint("organization/p/s", read) == text
    exported = json.loads(CheckpointWriter(None).export(snapshot))
    assert list(exported) == ["version", "features", "deployment"]
    assert import_deployment(json.dumps(exported).encode(), Opened()).resources[1].resource_hooks


def test_without_the_feature_it_is_version_3_again():
    assert written(resource(taint=True))["version"] == 4
    assert written(resource())["version"] == 3
    assert "features" not in written(resource())
