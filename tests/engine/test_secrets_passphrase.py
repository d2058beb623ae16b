import pytest

from engine.errors import DecryptionError, UsageError
from engine.resource_state import SecretsProvider
from engine.secrets_passphrase import StackSecrets, new_salt, passphrase_from, stack_secrets

# Pulumi's own test vector.
VECTOR = "v1:fozI5u6B030=:v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ=="


@pytest.fixture(scope="module")
def opened():
    return StackSecrets("password", VECTOR)


def test_pulumis_vector_opens(opened):
    assert opened.decrypt(opened.encrypt("geheim")) == "geheim"
    assert opened.provider == SecretsProvider("passphrase", {"salt": VECTOR})


def test_a_new_salt_opens_with_its_passphrase_only():
    salt = new_salt("one")
    assert StackSecrets("one", salt).decrypt(StackSecrets("one", salt).encrypt("x")) == "x"
    with pytest.raises(DecryptionError, match="incorrect passphrase"):
        StackSecrets("two", salt)


def test_an_unchanged_value_keeps_its_ciphertext_in_its_place_only(opened):
    first = opened.encrypt_at("urn", "inputs.a", '"x"')
    assert opened.encrypt_at("urn", "inputs.a", '"x"') == first
    assert opened.encrypt_at("urn", "inputs.b", '"x"') != first
    assert opened.encrypt_at("urn", "inputs.a", '"y"') != first
    # What was read is remembered too.
    read = opened.encrypt('"z"')
    assert opened.decrypt_at("urn", "outputs.c", read) == '"z"'
    assert opened.encrypt_at("urn", "outputs.c", '"z"') == read


@pytest.mark.parametrize(
    "ciphertext",
    ["", "v1", "v2:a:b", "v1:!!:b", "v1:AAAA:BBBB", "v1:AAAAAAAAAAAAAAAA:", "v1:a:b:c", "plain"],
)
def test_nonsense_is_no_ciphertext(opened, ciphertext):
    with pytest.raises(DecryptionError):
        opened.decrypt(ciphertext)


def test_an_altered_ciphertext_names_its_place_and_not_its_value(opened):
    head, nonce, sealed = opened.encrypt('"geheim"').split(":")
    altered = f"{head}:{nonce}:{'A' if sealed[0] != 'A' else 'B'}{sealed[1:]}"
    with pytest.raises(DecryptionError, match=r"urn:x: inputs\.password") as caught:
        opened.decrypt_at("urn:x", "inputs.password", altered)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("salt", ["", "v1", "v1:abc", "v2:AAAA:v1:a:b", "v1:???:v1:a:b"])
def test_a_malformed_salt_is_refused(salt):
    with pytest.raises(DecryptionError):
        StackSecrets("x", salt)


@pytest.mark.parametrize(
    "provider", [SecretsProvider("cloud", {"url": "x"}), SecretsProvider("passphrase")]
)
def test_other_providers_are_refused(provider):
    with pytest.raises(UsageError):
        stack_secrets("x", provider)


def test_where_the_passphrase_comes_from(tmp_path):
    file = tmp_path / "phrase"
    file.write_text("from file\n")
    assert passphrase_from({"PULUMI_CONFIG_PASSPHRASE": ""}) == ""
    assert passphrase_from({"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}) == "from file"
    with pytest.raises(UsageError, match="PULUMI_CONFIG_PASSPHRASE"):
        passphrase_from({})
    with pytest.raises(UsageError):
        passphrase_from({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "none")})
