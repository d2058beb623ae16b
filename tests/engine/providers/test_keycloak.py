import secrets
import threading

import httpx2
import pytest

from engine.provider import UNKNOWN
from engine.providers.keycloak import handlers
from engine.providers.keycloak.admin import (
    KeycloakAdmin,
    KeycloakError,
    admin_of,
    login_of,
)
from engine.providers.keycloak.duration import duration_of, same_duration, seconds_of
from tests.engine.providers.asked import changes, check

HANDLERS = handlers()
REALM = HANDLERS["keycloak:index/realm:Realm"]
CLIENT = HANDLERS["keycloak:openid/client:Client"]
MAPPER = HANDLERS["keycloak:openid/hardcodedClaimProtocolMapper:HardcodedClaimProtocolMapper"]
ACCOUNT_ROLE = HANDLERS[
    "keycloak:openid/clientServiceAccountRealmRole:ClientServiceAccountRealmRole"
]
WEB = {
    "realmId": "r",
    "clientId": "web",
    "accessType": "CONFIDENTIAL",
    "standardFlowEnabled": True,
    "validRedirectUris": ["http://localhost/*"],
}


@pytest.mark.parametrize(
    ("text", "seconds", "again"),
    [
        ("1h", 3600, "1h0m0s"),
        ("90s", 90, "1m30s"),
        ("1.5h", 5400, "1h30m0s"),
        ("0s", 0, "0s"),
        ("0", 0, "0s"),
        ("720h0m0s", 2_592_000, "720h0m0s"),
        ("1500ms", 1, "1s"),
    ],
)
def test_durations_are_gos(text, seconds, again):
    assert (seconds_of(text), duration_of(seconds)) == (seconds, again)
    assert same_duration(again, duration_of(seconds))


@pytest.mark.parametrize("text", ["", "an hour", "5", "5 m", "1h x", "-5m"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError):
        seconds_of(text)


@pytest.mark.parametrize(
    ("handler", "news"),
    [
        (REALM, {}),
        (REALM, {"realm": "r", "accessTokenLifespan": "soon"}),
        (REALM, {"realm": "r", "sslRequired": "maybe"}),
        (REALM, {"realm": "r", "duplicateEmailsAllowed": True, "loginWithEmailAllowed": True}),
        (
            REALM,
            {"realm": "r", "internationalization": {"supportedLocales": [], "defaultLocale": "x"}},
        ),
        (CLIENT, {**WEB, "accessType": "OPEN"}),
        (CLIENT, {**WEB, "validRedirectUris": []}),
        (CLIENT, {**WEB, "standardFlowEnabled": False}),
        (CLIENT, {**WEB, "accessType": "PUBLIC", "serviceAccountsEnabled": True}),
        (CLIENT, {**WEB, "accessType": "BEARER-ONLY"}),
        (CLIENT, {**WEB, "clientSecret": "a", "clientSecretWo": "b"}),
        (CLIENT, {**WEB, "extraConfig": {"access.token.lifespan": "5"}}),
        (CLIENT, {**WEB, "authorization": {"policyEnforcementMode": "ENFORCING"}}),
        (MAPPER, {"realmId": "r", "claimName": "c", "claimValue": "v"}),
        (
            MAPPER,
            {
                "realmId": "r",
                "clientId": "c",
                "clientScopeId": "s",
                "claimName": "c",
                "claimValue": "v",
            },
        ),
    ],
)
def test_nonsense_is_refused(handler, news):
    with pytest.raises(ValueError):
        check(handler, **news)


def test_unknown_values_pass_in_a_preview():
    inputs = check(CLIENT, **{**WEB, "realmId": UNKNOWN, "validRedirectUris": [UNKNOWN]})
    assert inputs["realmId"] == UNKNOWN
    check(REALM, realm=UNKNOWN, accessTokenLifespan=UNKNOWN)
    check(MAPPER, realmId="r", clientId=UNKNOWN, claimName="c", claimValue=UNKNOWN)
    check(CLIENT, **{**WEB, "standardFlowEnabled": UNKNOWN, "extraConfig": UNKNOWN})


@pytest.mark.parametrize(
    ("handler", "old", "new", "replaces"),
    [
        (REALM, {"realm": "a"}, {"realm": "b"}, ["realm"]),
        (REALM, {"realm": "a", "accessTokenLifespan": "1h0m0s"}, {"realm": "a"}, []),
        (CLIENT, {**WEB, "realmId": "x"}, WEB, ["realmId"]),
        (CLIENT, {**WEB, "clientId": "x"}, WEB, []),
        (
            ACCOUNT_ROLE,
            {"realmId": "r", "serviceAccountUserId": "u", "role": "old"},
            {"realmId": "r", "serviceAccountUserId": "u", "role": "new"},
            ["role"],
        ),
    ],
)
def test_what_replaces(handler, old, new, replaces):
    assert handler.diff({}, "id", {}, old, check(handler, **new)).replaces == replaces


def test_a_lifespan_in_other_words_is_no_change():
    inputs = check(REALM, realm="r", accessTokenLifespan="1h")
    outputs = {**inputs, "accessTokenLifespan": "1h0m0s"}
    assert changes(REALM, outputs, inputs) == []


def test_no_secret_stands_in_a_repr():
    login = login_of({"url": "u", "clientId": "c", "clientSecret": "hush", "password": "hush"})
    assert "hush" not in repr(login)
    assert login.timeout_s >= 60


def test_an_absent_keycloak_is_an_error_soon():
    with pytest.raises(KeycloakError, match="refused"):
        REALM.read({"url": "http://127.0.0.1:1", "clientId": "c", "clientSecret": "s"}, "r", {}, {})


# With a real Keycloak


@pytest.fixture(scope="module")
def cfg(keycloak_cfg):
    return keycloak_cfg


@pytest.fixture
def realm(cfg):
    """The inputs and outputs of a realm that is removed at the end."""
    inputs = check(REALM, realm=f"t-{secrets.token_hex(4)}", defaultSignatureAlgorithm="ES256")
    id, outputs = REALM.create(cfg, inputs)
    yield inputs, outputs
    REALM.delete(cfg, id, {})


@pytest.mark.platform
def test_a_realm_lives_from_create_to_delete(cfg, realm):
    inputs, outputs = realm
    id = inputs["realm"]
    assert changes(REALM, outputs, inputs) == []
    assert REALM.read(cfg, id, inputs, outputs) == outputs
    assert REALM.find(cfg, inputs) == id
    adopted = REALM.read(cfg, id, inputs, {})
    assert changes(REALM, adopted, inputs) == []
    with pytest.raises(KeycloakError, match="already exists"):
        REALM.create(cfg, inputs)

    news = check(
        REALM,
        realm=id,
        defaultSignatureAlgorithm="ES256",
        displayName="Test",
        accessTokenLifespan="1h",
        attributes={"a": "b"},
        passwordPolicy="length(8)",
        loginWithEmailAllowed=True,
        otpPolicy={"digits": 8},
        securityDefenses={"bruteForceDetection": {"maxLoginFailures": 5}},
        smtpServer={"host": "h", "from": "a@b.c", "auth": {"username": "u", "password": "p"}},
        internationalization={"supportedLocales": ["en", "de"], "defaultLocale": "en"},
    )
    updated = REALM.update(cfg, id, outputs, news)
    assert changes(REALM, updated, news) == []
    assert changes(REALM, REALM.read(cfg, id, news, updated), news) == []

    with pytest.raises(KeycloakError, match="terraformDeletionProtection"):
        REALM.delete(cfg, id, {"terraformDeletionProtection": True})
    REALM.delete(cfg, id, updated)
    REALM.delete(cfg, id, updated)
    assert REALM.read(cfg, id, inputs, outputs) is None
    assert not admin_of(cfg).realm_exists(id)


@pytest.mark.platform
def test_a_realm_whose_answer_was_lost_is_there_all_the_same(cfg, monkeypatch):
    admin = admin_of(cfg)
    send = admin._http.request

    def lossy(method, url, **rest):
        answer = send(method, url, **rest)
        if method == "POST" and str(url).endswith("/admin/realms"):
            raise httpx2.ReadTimeout("too late")
        return answer

    monkeypatch.setattr(admin._http, "request", lossy)
    inputs = check(REALM, realm=f"t-{secrets.token_hex(4)}", defaultSignatureAlgorithm="ES256")
    try:
        id, outputs = REALM.create(cfg, inputs)
        assert REALM.read(cfg, id, inputs, outputs) == outputs
    finally:
        REALM.delete(cfg, inputs["realm"], {})


@pytest.mark.platform
def test_a_token_from_before_the_realm_does_not_break_the_run(cfg):
    ours, others = admin_of(cfg), KeycloakAdmin(login_of(cfg))
    assert not others.realm_exists("any")  # it has a token now
    inputs = check(REALM, realm=f"t-{secrets.token_hex(4)}", defaultSignatureAlgorithm="ES256")
    id, outputs = REALM.create(cfg, inputs)
    try:
        assert others.get(id)["realm"] == id
        others.put(id, {"displayName": "theirs"})
        assert ours.get(id)["displayName"] == "theirs"
    finally:
        others.close()
        REALM.delete(cfg, id, outputs)


@pytest.mark.platform
def test_a_realm_has_the_keys_it_was_asked_for(cfg, realm):
    keys = admin_of(cfg).get(f"{realm[0]['realm']}/keys")["keys"]
    assert {key["algorithm"] for key in keys} == {"ES256", "HS512", "AES"}


@pytest.mark.platform
def test_a_client_and_its_mapper_live_from_create_to_delete(cfg, realm):
    place = realm[0]["realm"]
    inputs = check(CLIENT, **{**WEB, "realmId": place}, serviceAccountsEnabled=True)
    id, outputs = CLIENT.create(cfg, inputs)
    assert len(outputs["clientSecret"]) >= 32 and outputs["serviceAccountUserId"]
    assert changes(CLIENT, outputs, inputs) == []
    assert CLIENT.read(cfg, id, inputs, outputs) == outputs
    assert CLIENT.find(cfg, inputs) == id
    with pytest.raises(KeycloakError, match="'web' already exists"):
        CLIENT.create(cfg, inputs)

    news = check(
        CLIENT,
        **{**WEB, "realmId": place, "validRedirectUris": ["http://b/*", "http://a/*"]},
        name=inputs["name"],
        clientSecret="our own",
        directAccessGrantsEnabled=True,
        validPostLogoutRedirectUris=["http://a/", "http://b/"],
        extraConfig={"client.use.lightweight.access.token.enabled": True},
    )
    updated = CLIENT.update(cfg, id, outputs, news)
    assert updated["clientSecret"] == "our own"
    assert changes(CLIENT, updated, news) == []
    assert CLIENT.read(cfg, id, news, updated) == updated
    plain = CLIENT.update(cfg, id, updated, inputs)
    assert plain["extraConfig"] is None and plain["clientSecret"] == "our own"

    mapper = check(MAPPER, realmId=place, clientId=id, claimName="role", claimValue="editor")
    mapper_id, mapped = MAPPER.create(cfg, mapper)
    assert MAPPER.read(cfg, mapper_id, mapper, mapped) == mapped
    assert MAPPER.find(cfg, mapper) == mapper_id
    other = {**mapper, "claimValue": "viewer", "addToIdToken": False}
    remapped = MAPPER.update(cfg, mapper_id, mapped, other)
    assert MAPPER.read(cfg, mapper_id, other, remapped) == remapped
    with pytest.raises(KeycloakError, match="already exists"):
        MAPPER.create(cfg, mapper)

    CLIENT.delete(cfg, id, outputs)
    CLIENT.delete(cfg, id, outputs)
    assert CLIENT.read(cfg, id, inputs, outputs) is None
    assert MAPPER.read(cfg, mapper_id, mapper, mapped) is None
    MAPPER.delete(cfg, mapper_id, mapped)


@pytest.mark.platform
def test_a_service_account_gets_and_loses_a_realm_role(cfg, realm):
    place = realm[0]["realm"]
    client = check(
        CLIENT,
        realmId=place,
        clientId="robot",
        accessType="CONFIDENTIAL",
        serviceAccountsEnabled=True,
    )
    _, made = CLIENT.create(cfg, client)
    assert made["validRedirectUris"] == [] and made["webOrigins"] == []
    inputs = check(
        ACCOUNT_ROLE,
        realmId=place,
        serviceAccountUserId=made["serviceAccountUserId"],
        role="offline_access",
    )
    id, outputs = ACCOUNT_ROLE.create(cfg, inputs)
    assert id.startswith(made["serviceAccountUserId"] + "/")
    assert ACCOUNT_ROLE.read(cfg, id, inputs, outputs) == outputs
    assert ACCOUNT_ROLE.find(cfg, inputs) == id
    ACCOUNT_ROLE.delete(cfg, id, outputs)
    ACCOUNT_ROLE.delete(cfg, id, outputs)
    assert ACCOUNT_ROLE.read(cfg, id, inputs, outputs) is None
    with pytest.raises(KeycloakError, match="has no role 'nothing'"):
        ACCOUNT_ROLE.create(cfg, {**inputs, "role": "nothing"})


@pytest.mark.platform
def test_a_token_that_went_stale_is_renewed_by_whoever_notices(cfg, realm):
    admin, place = admin_of(cfg), realm[0]["realm"]
    failures = []

    def work(n):
        try:
            for _ in range(5):
                if n == 0:
                    admin.forget_token()
                if n == 1:
                    admin._token = "nonsense"
                admin.get(place)
        except KeycloakError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.platform
def test_a_wrong_secret_is_said_to_be_wrong_and_not_repeated(cfg):
    with pytest.raises(KeycloakError, match="401") as refusal:
        REALM.read({**cfg, "clientSecret": "hunter22"}, "master", {}, {})
    assert "hunter22" not in str(refusal.value)
