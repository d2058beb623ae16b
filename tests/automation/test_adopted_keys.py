"""Keys that a project brings along: what is taken of them, and each thing that is refused."""

import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from automation.adopted_keys import check
from contracts.errors import InvalidInput
from contracts.project_keys import AdoptedKeys

NOW = 1_800_000_000
SECRET = "an old project's secret, long enough, é"
EC = ECKey.generate_key("P-256", {"kid": "ec-1"}, private=True)
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1"}, private=True)
PRIVATE = {"d", "p", "q", "dp", "dq", "qi"}


def token(role: Any, secret: str = SECRET, **claims: Any) -> str:
    told = {"iss": "supabase", "ref": "oldoldoldoldoldoldol", "role": role, "iat": NOW - 9}
    key = OctKey.import_key(secret)
    return jwt.encode({"alg": "HS256"}, {**told, "exp": NOW + 9, **claims}, key)


def given(**fields: Any) -> AdoptedKeys:
    whole = {"anon_key": token("anon"), "service_role_key": token("service_role")}
    return AdoptedKeys(**{"jwt_secret": SECRET, **whole, **fields})


def test_a_whole_set_is_taken_as_it_is():
    adopted = check(given(), now=NOW)
    assert adopted.secrets == given().model_dump(
        include={"jwt_secret", "anon_key", "service_role_key"}
    )
    assert adopted.token_issuers == ["https://oldoldoldoldoldoldol.supabase.co/auth/v1"]
    assert adopted.public_jwks == []
    assert SECRET not in repr(adopted)


def test_what_is_left_out_is_made_later():
    only_secret = check(AdoptedKeys(jwt_secret=SECRET), now=NOW)
    assert only_secret.secrets.keys() == {"jwt_secret"}
    assert only_secret.fingerprint == check(given(), now=NOW).fingerprint
    other = check(AdoptedKeys(jwt_secret=SECRET + "!"), now=NOW)
    assert only_secret.fingerprint != other.fingerprint


def test_of_signing_keys_only_the_public_half_is_kept():
    keys = [EC.as_dict(private=True), RSA.as_dict(private=False)]
    ring = [*keys, OctKey.import_key(SECRET).as_dict()]  # as self-hosted Supabase lists them
    found = check(given(signing_keys=ring), now=NOW).public_jwks
    assert [(key["kid"], key["alg"]) for key in found] == [("ec-1", "ES256"), ("rsa-1", "RS256")]
    assert all(PRIVATE.isdisjoint(key) for key in found)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"jwt_secret": EC.as_pem(private=False).decode()}, "jwt_secret is a public key"),
        ({"anon_key": token("anon", "another secret" * 4)}, "anon_key was not signed with"),
        ({"anon_key": "nonsense"}, "anon_key is no JWT"),
        ({"anon_key": ""}, "anon_key is no JWT"),
        ({"anon_key": token("anon") + "`"}, "anon_key"),
        ({"anon_key": token("service_role")}, "anon_key does not hold the role anon"),
        ({"service_role_key": token("anon")}, "service_role_key does not hold the role"),
        ({"anon_key": token(None)}, "anon_key does not hold the role anon"),
        ({"anon_key": token("anon", exp=NOW)}, "anon_key has expired"),
        ({"anon_key": token("anon", exp="soon")}, "claim exp that is no time"),
        ({"anon_key": token("anon", nbf=NOW + 99)}, "anon_key is not valid yet"),
        ({"anon_key": token("anon", iat=NOW + 99)}, "anon_key is not valid yet"),
        ({"signing_keys": [{}]}, "signing key 1 is no JWK"),
        ({"signing_keys": [{"kty": "EC", "crv": "P-256", "x": "?", "y": []}]}, "1 is no JWK"),
        ({"signing_keys": [OctKey.generate_key(256).as_dict()]}, "not jwt_secret"),
        ({"signing_keys": [ECKey.generate_key("P-384").as_dict()]}, "neither EC on P-256"),
        ({"signing_keys": [{**EC.as_dict(), "alg": "HS256"}]}, "not for ES256"),
        ({"signing_keys": [{**EC.as_dict(), "use": "enc"}]}, "not for ES256"),
        ({"signing_keys": [EC.as_dict(), EC.as_dict()]}, "signing key 2 has the kid of another"),
    ],
)
def test_what_is_wrong_is_refused_without_quoting_it(fields, told):
    with pytest.raises(InvalidInput, match=told) as caught:
        check(given(**fields), now=NOW)
    assert caught.value.code == "keys_invalid"
    assert SECRET not in caught.value.message and "eyJ" not in caught.value.message


def test_an_unsigned_token_is_refused():
    head, body, _ = token("anon").split(".")
    none = jwt.encode({"alg": "HS256"}, {"role": "anon"}, OctKey.import_key(SECRET)).split(".")[1]
    unsigned = "eyJhbGciOiJub25lIn0." + none + "."
    for each in (unsigned, f"{head}.{body}.", json.dumps({})):
        with pytest.raises(InvalidInput):
            check(given(anon_key=each), now=NOW)
