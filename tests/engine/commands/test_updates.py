"""preview, up, refresh and destroy: what is asked, and what is shown."""

import json

import pulumi

from tests.engine.fake_sdk import Thing, options


def thing(size=1, **props):
    def program():
        made = Thing("a", size=size, tags={"team": "x", "size": size}, **props)
        pulumi.export("url", made.url)

    return program


def hidden(text):
    return lambda: Thing("a", token=pulumi.Output.secret(text), list=[pulumi.Output.secret(text)])


def test_nobody_to_ask(cli):
    for command in ("up", "destroy", "refresh"):
        assert "--yes or --skip-preview must be passed" in cli.fails(command)
    assert "--yes" in cli.fails("stack", "rm")
    assert "--yes" in cli.fails("cancel")
    cli.answers = []
    assert "--yes" in cli.fails("up", "--non-interactive")
    assert cli.package.world.calls == []


def test_a_person_is_shown_a_preview_and_asked(cli):
    cli.answers = ["no"]
    assert "confirmation declined" in cli.fails("up", program=thing())
    assert cli.package.world.objects == {}
    cli.answers = ["details", "yes"]
    shown = cli("up", program=thing())
    assert "Previewing update (dev):" in shown
    assert '      + tags: {"size": 1, "team": "x"}' in shown
    assert shown.index("+ fake:index:Thing a create") < shown.index("a created")
    assert "Do you want to perform this update of dev?" in cli.questions[-1]
    cli.answers = ["yes"]
    cli("destroy")
    assert cli.package.world.objects == {}


def test_assured_but_still_previewed(cli):
    assert "Previewing update" in cli("up", "--yes", program=thing())
    assert "Previewing" not in cli("up", "--yes", "--skip-preview", program=thing(2))
    cli.environ["PULUMI_SKIP_CONFIRMATIONS"] = "true"
    assert "Previewing refresh" in cli("refresh")


def test_a_preview_that_fails_ends_it(cli):
    def broken():
        raise LookupError("nothing here")

    assert "preview failed" in cli.fails("up", "--yes", program=broken)
    assert cli("stack", "history") == ""


def test_differences_path_by_path(cli):
    cli("up", "-f", program=thing())
    shown = cli("preview", program=thing(2, extra=[1]))
    assert "      ~ tags.size: 1 => 2" in shown
    assert "      ~ size: 1 => 2" in shown
    assert "      + extra: [1]" in shown
    assert "tags.team" not in shown
    assert "tags.size" not in cli("up", "-f", program=thing(2))
    assert "      ~ tags.size: 2 => 3" in cli("up", "-f", "--diff", program=thing(3))
    assert "      - size: 3" in cli("destroy", "-f", "--diff")


def test_no_difference_shows_a_secret(cli):
    texts = [cli("up", "-f", "--diff", program=hidden("first-4711"))]
    texts.append(cli("preview", "--diff", program=hidden("second-4711")))
    texts.append(cli("preview", "--json", program=hidden("second-4711")))
    texts.append(cli("up", "-f", "--diff", program=hidden("second-4711")))
    texts.append(cli("destroy", "-f", "--diff"))
    assert not any("4711" in text for text in texts)
    assert "~ token: [secret] => [secret]" in texts[1]


def test_drift_is_shown(cli):
    cli("up", "-f", program=thing())
    cli.package.world.objects["a"]["size"] = 9
    shown = cli("refresh", "-f", "--diff")
    assert "      ~ size: 1 => 9" in shown
    assert "no changes were expected" in cli.fails(
        "up", "-f", "--expect-no-changes", program=thing()
    )


def test_what_can_be_shown_or_not(cli):
    cli("config", "set", "a", "b")
    cli("up", "-f", program=thing())
    assert "url" not in cli("up", "-f", "--suppress-outputs", program=thing())
    assert "Thing a unchanged" in cli("up", "-f", "--show-sames", program=thing())
    assert "proj:a: b" in cli("preview", "--show-config", program=thing())
    assert "::fake:index:Thing::a update" in cli("preview", "--urns", program=thing(2))
    long = "x" * 200
    assert long not in cli("preview", program=thing(long))
    assert long in cli("preview", "--show-full-output", program=thing(long))
    assert "a updated" not in cli("up", "-f", "--suppress-progress", program=thing(2))


def test_the_digest_of_a_preview(cli):
    digest = json.loads(cli("preview", "--json", program=thing()))
    assert digest["changeSummary"] == {"create": 2}
    assert [step["op"] for step in digest["steps"]] == ["create", "create"]


def test_configuration_of_one_update(cli):
    seen = []

    def program():
        seen.append(pulumi.Config().get("a"))

    cli("preview", "--config", "a=1", program=program)
    (cli.folder / "other.yaml").write_text("config:\n  proj:a: other\n")
    cli("preview", "--config-file", "other.yaml", program=program)
    cli("preview", "-c", "o.p=2", "--config-path", program=program)
    assert seen == ["1", "other", "1"]
    assert cli("config", "get", "--path", "o.p") == "2"
    assert "key=value" in cli.fails("preview", "--config", "x", program=program)


def test_targets_on_the_command_line(cli):
    def program(size):
        return lambda: [Thing("a", size=size), Thing("b", size=size)]

    cli("up", "-f", program=program(1))
    cli("up", "-f", "--target", "**::a", program=program(2))
    cli("up", "-f", "-x", "**::b", program=program(3))
    sizes = {name: thing["size"] for name, thing in cli.package.world.objects.items()}
    assert sizes == {"a": 3, "b": 1}
    urn = "urn:pulumi:dev::proj::fake:index:Thing::b"
    shown = cli("up", "-f", "--target-replace", urn, program=program(4))
    assert "1 replaced" in shown
    assert "protection" not in cli("destroy", "-f", "--exclude-protected")


def test_destroy_and_remove(cli):
    cli("up", "-f", program=thing())
    cli("destroy", "-f", "--remove")
    assert json.loads(cli("stack", "ls", "--json")) == []
    assert not (cli.folder / "Pulumi.dev.yaml").exists()


def test_the_protected_are_spared(cli):
    def program():
        Thing("a", opts=options(protect=True))
        Thing("b")

    cli("up", "-f", program=program)
    cli("destroy", "-f", "--exclude-protected")
    assert sorted(cli.package.world.objects) == ["a"]


def guarded(kind, **opts):
    protect = options(protect=True, **opts)
    return lambda: Thing("a", name=f"a-{kind}", kind=kind, opts=protect)


def test_protection_can_be_ignored_for_once(cli):
    objects = cli.package.world.objects
    for opts in ({}, {"delete_before_replace": True}):
        cli("up", "-f", program=guarded("x", **opts))
        cli.fails("up", "-f", program=guarded("y", **opts))
        assert list(objects) == ["a-x"]
        cli("preview", "--ignore-protect", program=guarded("y", **opts))
        cli("up", "-f", "--ignore-protect", program=guarded("y", **opts))
        assert list(objects) == ["a-y"]
        cli.fails("destroy", "-f")
        cli("destroy", "-f", "--ignore-protect")
        assert not objects


def test_a_state_that_was_cut_off_is_restored_from_the_history(cli):
    program = thing()
    cli("up", "--yes", "--skip-preview", program=program)
    state = cli.folder.parent / ".pulumi/stacks/proj/dev.json"
    whole = state.read_text()
    assert "can be read" in cli.fails("state", "restore", "--yes")
    state.write_text(whole[: len(whole) // 2])
    assert "`state restore`" in cli.fails("up", "--yes", "--skip-preview", program=program)
    assert "--yes" in cli.fails("state", "restore")
    assert "State restored from .pulumi/history/" in cli("state", "restore", "--yes")
    assert state.read_text() == whole
    assert "2 unchanged" in cli("up", "--yes", "--skip-preview", program=program)
