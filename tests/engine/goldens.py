"""State files of the real CLI (see golden/README.md) and how they are opened."""

from pathlib import Path

from engine.resource_state import SecretsProvider
from engine.secrets_passphrase import StackSecrets, stack_secrets
from engine.stack_reference import StackReference

FOLDER = Path(__file__).parent / "golden"
PASSPHRASE = "x"
STACK = StackReference("pgdemo", "dev")

CHECKPOINTS = sorted(
    path.name for path in FOLDER.glob("*.json") if path.read_bytes().startswith(b'{"version":3,"ch')
)


def golden(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


class Opened:
    """An `open_secrets` that keeps what it opened, for the writer."""

    secrets: StackSecrets

    def __call__(self, provider: SecretsProvider) -> StackSecrets:
        self.secrets = stack_secrets(PASSPHRASE, provider)
        return self.secrets
