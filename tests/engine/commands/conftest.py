"""Commands of the engine in this process: a project folder, a backend and a fake package."""

import pytest
from pulumi.automation.errors import CommandError

from engine import EmbeddedPulumi
from engine.secrets_passphrase import new_salt
from engine.testing import FakePackage, serving_program


class Cli:
    """`pulumi ARGS` in a project folder. `answers` are what a person would type."""

    def __init__(self, folder, package):
        self.folder, self.package, self.home = folder / "project", package, folder / "home"
        self.folder.mkdir()
        (self.folder / "Pulumi.yaml").write_text("name: proj\nruntime: python\n")
        self.environ = {
            "PULUMI_HOME": str(self.home),
            "PULUMI_BACKEND_URL": f"file://{folder}",
            "PULUMI_CONFIG_PASSPHRASE": "x",
        }
        self.answers = None
        self.questions = []
        self.engine = EmbeddedPulumi([package], ask=self._answer)
        self.silent = EmbeddedPulumi([package], selection=self.engine._selection)

    def __call__(self, *args, program=None):
        """Standard output."""
        if program is not None:
            with serving_program(program) as address:
                return self(*args, f"--client={address}")
        engine = self.silent if self.answers is None else self.engine
        return engine.run(list(args), str(self.folder), self.environ).stdout

    def fails(self, *args, program=None):
        """Standard error of a command that must fail."""
        with pytest.raises(CommandError) as failure:
            self(*args, program=program)
        return str(failure.value)

    def _answer(self, question):
        self.questions.append(question)
        return self.answers.pop(0)


@pytest.fixture(scope="session")
def salt():
    """One for all stacks: a key is derived once, and that is what takes time."""
    return new_salt("x")


@pytest.fixture
def cli(tmp_path, salt):
    cli = Cli(tmp_path, FakePackage())
    (cli.folder / "Pulumi.dev.yaml").write_text(f"encryptionsalt: {salt}\n")
    cli("stack", "init", "dev")
    return cli
