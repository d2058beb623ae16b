"""What a realm is furnished with: roles, scopes, mappers, keys, events, the user profile."""

import json
import secrets

import pytest

from engine.provider import UNKNOWN
from engine.providers.keycloak import handlers
from engine.providers.keycloak.admin import KeycloakError, admin_of
from tests.engine.providers.asked import changes, check, delete_for_good

HANDLERS = {token.rpartition(":")[2]: handler for token, handler in handlers().items()}
REALM, CLIENT, ROLE, DEFAULTS, SCOPE = (
    HANDLERS[name] for name in ("Realm", "Client", "Role", "DefaultRoles", "ClientScope")
)
AUDIENCE, ATTRIBUTE, REALM_ROLES, GENERIC = (
    HANDLERS[f"{name}ProtocolMapper"]
    for name in ("Audience", "UserAttribute", "UserRealmRole", "Generic")
)
ECDSA, RSA = (HANDLERS[f"RealmKeystore{kind}Generated"] for kind in ("Ecdsa", "Rsa"))
EVENTS, PROFILE = HANDLERS["RealmEvents"], HANDLERS["RealmUserProfile"]
ON_SCOPE = {"realmId": "r", "clientScopeId": "s"}
CONFIG = {"claim.name": "c", "claim.value": "v", "jsonType.label": "String"}
ANY = {"protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper"}


def test_every_type_has_the_token_of_its_module():
    tokens = {*handlers()}
    assert "keycloak:index/realmKeystoreEcdsaGenerated:RealmKeystoreEcdsaGenerated" in tokens
    assert "keycloak:openid/audienceProtocolMapper:AudienceProtocolMapper" in tokens
    assert "keycloak:index/genericProtocolMapper:GenericProtocolMapper" in tokens
    assert "keycloak:openid/clientScope:ClientScope" in tokens


@pytest.mark.parametrize(
    ("handler", "news"),
    [
        (ROLE, {}),
        (DEFAULTS, {"realmId": "r"}),
        (SCOPE, {"realmId": "r", "extraConfig": {"gui.order": "1"}}),
        (AUDIENCE, ON_SCOPE),
        (AUDIENCE, {**ON_SCOPE, "includedClientAudience": "a", "includedCustomAudience": "b"}),
        (AUDIENCE, {"realmId": "r", "includedCustomAudience": "b"}),
        (AUDIENCE, {**ON_SCOPE, "clientId": "c", "includedCustomAudience": "b"}),
        (ATTRIBUTE, {**ON_SCOPE, "claimName": "c"}),
        (ATTRIBUTE, {**ON_SCOPE, "claimName": "c", "userAttribute": "a", "claimValueType": "x"}),
        (REALM_ROLES, ON_SCOPE),
        (GENERIC, {**ON_SCOPE, "config": {}, "protocolMapper": "m", "protocol": "http"}),
        (ECDSA, {"realmId": "r", "ellipticCurveKey": "P-1"}),
        (RSA, {"realmId": "r", "algorithm": "HS256"}),
        (RSA, {"realmId": "r", "keySize": 512}),
        (EVENTS, {"realmId": "r", "eventsExpiration": -1}),
        (PROFILE, {"realmId": "r", "unmanagedAttributePolicy": "MAYBE"}),
        (PROFILE, {"realmId": "r", "attributes": [{"displayName": "no name"}]}),
    ],
)
def test_nonsense_is_refused(handler, news):
    with pytest.raises(ValueError):
        check(handler, **news)


def test_unknown_values_pass_in_a_preview():
    check(ROLE, realmId=UNKNOWN, name=UNKNOWN, compositeRoles=[UNKNOWN], attributes=UNKNOWN)
    check(AUDIENCE, realmId="r", clientId=UNKNOWN, includedClientAudience=UNKNOWN)
    check(RSA, realmId=UNKNOWN, keySize=UNKNOWN)
    check(PROFILE, realmId=UNKNOWN, attributes=[{"name": UNKNOWN, "validators": UNKNOWN}])
    inputs = check(PROFILE, realmId="r", groups=[{"name": "g"}, {"name": UNKNOWN}])
    assert changes(PROFILE, {"realmId": "r", "groups": []}, inputs)


@pytest.mark.parametrize(
    ("handler", "old", "new", "replaces"),
    [
        (ROLE, {"realmId": "r", "name": "a"}, {"realmId": "s"}, ["realmId"]),
        (ROLE, {"realmId": "r", "name": "a"}, {"clientId": "c"}, ["clientId"]),
        (ROLE, {"realmId": "r", "name": "a"}, {"name": "b", "description": "d"}, []),
        (DEFAULTS, {"realmId": "r", "defaultRoles": ["a"]}, {"defaultRoles": ["b"]}, []),
        (SCOPE, {"realmId": "r", "name": "a"}, {"name": "b", "guiOrder": 3}, []),
        (GENERIC, {**ON_SCOPE, **ANY, "name": "a", "config": CONFIG}, {"name": "b"}, ["name"]),
        (GENERIC, {**ON_SCOPE, **ANY, "name": "a", "config": CONFIG}, {"config": {}}, []),
        (ECDSA, {"realmId": "r", "name": "a"}, {"ellipticCurveKey": "P-521"}, []),
        (RSA, {"realmId": "r", "name": "a"}, {"realmId": "s"}, ["realmId"]),
        (EVENTS, {"realmId": "r"}, {"eventsEnabled": True}, []),
        (PROFILE, {"realmId": "r"}, {"realmId": "s"}, ["realmId"]),
    ],
)
def test_what_replaces(handler, old, new, replaces):
    diff = handler.diff({}, "id", {}, check(handler, **old), check(handler, **{**old, **new}))
    assert diff.changes and diff.replaces == replaces


def profile(**attribute):
    attributes = [{"name": "username"}, {"name": "email"}, {"name": "plan", **attribute}]
    return check(PROFILE, realmId="r", attributes=attributes)


@pytest.mark.parametrize(
    ("new", "old", "same"),
    [
        ({"annotations": {"a": '{"b":1}'}}, {"annotations": {"a": '{"b": 1}'}}, True),
        ({"annotations": {"a": '{"b":1}'}}, {"annotations": {"a": '{"b": 2}'}}, False),
        ({"annotations": {"a": "{no json"}}, {"annotations": {"a": "{no json"}}, True),
        (
            {"validators": [{"name": "a"}, {"name": "b"}]},
            {"validators": [{"name": "b"}, {"name": "a"}]},
            True,
        ),
        ({"validators": [{"name": "a"}]}, {"validators": [{"name": "b"}]}, False),
        ({"requiredForRoles": ["a", "b"]}, {"requiredForRoles": ["b", "a"]}, True),
    ],
)
def test_a_user_profile_is_compared_by_meaning(new, old, same):
    assert (changes(PROFILE, profile(**old), profile(**new)) == []) is same


# With a real Keycloak


@pytest.fixture(scope="module")
def cfg(keycloak_cfg):
    return keycloak_cfg


@pytest.fixture(scope="module")
def realm(cfg):
    name = f"t-{secrets.token_hex(4)}"
    REALM.create(cfg, check(REALM, realm=name, defaultSignatureAlgorithm="ES256"))
    yield name
    REALM.delete(cfg, name, {})


@pytest.fixture
def client(cfg, realm):
    inputs = check(CLIENT, realmId=realm, clientId=secrets.token_hex(4), accessType="CONFIDENTIAL")
    id, outputs = CLIENT.create(cfg, inputs)
    yield id, inputs["clientId"]
    CLIENT.delete(cfg, id, outputs)


def made(cfg, handler, **news):
    """A new object that reads as it was made, and that no diff would touch."""
    inputs = check(handler, **news)
    id, outputs = handler.create(cfg, inputs)
    assert changes(handler, outputs, inputs) == []
    assert handler.read(cfg, id, inputs, outputs) == outputs
    assert changes(handler, handler.read(cfg, id, inputs, {}), inputs) == []
    return id, inputs, outputs


def updated(cfg, handler, id, outputs, **news):
    inputs = check(handler, **news)
    outputs = handler.update(cfg, id, outputs, inputs)
    assert changes(handler, outputs, inputs) == []
    assert handler.read(cfg, id, inputs, outputs) == outputs
    return outputs


@pytest.mark.platform
@pytest.mark.parametrize("of_a_client", [False, True])
def test_a_role_lives_from_create_to_delete(cfg, realm, client, of_a_client):
    part, _, _ = made(cfg, ROLE, realmId=realm, name=f"part {secrets.token_hex(4)}")
    place = {"realmId": realm, "clientId": client[0] if of_a_client else None}
    name = f"a/b c {secrets.token_hex(4)}"
    id, inputs, outputs = made(
        cfg, ROLE, **place, name=name, compositeRoles=[part], attributes={"k": "v##w"}
    )
    assert ROLE.find(cfg, inputs) == id
    with pytest.raises(KeycloakError, match="already exists"):
        ROLE.create(cfg, inputs)
    other = f"other {secrets.token_hex(4)}"
    news = {**place, "name": other, "description": "d", "compositeRoles": []}
    outputs = updated(cfg, ROLE, id, outputs, **news)
    assert outputs["attributes"] == {"k": "v##w"}  # not spoken of: left alone
    outputs = updated(cfg, ROLE, id, outputs, **place, name=other, attributes={"x": "y"})
    assert (outputs["description"], outputs["compositeRoles"]) == ("d", [])
    delete_for_good(ROLE, cfg, id, {**inputs, "name": other}, outputs)


@pytest.mark.platform
def test_an_imported_role_stays_when_its_resource_goes(cfg, realm):
    news = {"realmId": realm, "name": "offline_access", "import": True}
    id, inputs, outputs = made(cfg, ROLE, **news)
    ROLE.delete(cfg, id, outputs)
    assert ROLE.find(cfg, inputs) == id
    with pytest.raises(KeycloakError, match="to import does not exist"):
        ROLE.create(cfg, {**inputs, "name": "nothing"})


@pytest.mark.platform
def test_default_roles_are_the_full_set(cfg, realm, client):
    made(cfg, ROLE, realmId=realm, clientId=client[0], name="own")
    wanted = ["offline_access", f"{client[1]}/own", "account/view-profile"]
    id, inputs, outputs = made(cfg, DEFAULTS, realmId=realm, defaultRoles=wanted)
    outputs = updated(cfg, DEFAULTS, id, outputs, realmId=realm, defaultRoles=["offline_access"])
    assert changes(DEFAULTS, DEFAULTS.read(cfg, id, inputs, outputs), inputs) == ["defaultRoles"]
    for strange in ("nothing", "nobody/role"):
        with pytest.raises(KeycloakError, match="has no"):
            DEFAULTS.update(cfg, id, outputs, {**inputs, "defaultRoles": [strange]})
    DEFAULTS.delete(cfg, id, outputs)
    DEFAULTS.delete(cfg, id, outputs)
    assert DEFAULTS.read(cfg, id, inputs, outputs)["defaultRoles"] == []


@pytest.mark.platform
def test_a_client_scope_and_its_mappers_live_from_create_to_delete(cfg, realm, client):
    id, inputs, outputs = made(
        cfg,
        SCOPE,
        realmId=realm,
        name="scope",
        description="d",
        consentScreenText="May we?",
        guiOrder=3,
        includeInTokenScope=False,
        extraConfig={"own": "yes"},
    )
    assert SCOPE.find(cfg, inputs) == id
    with pytest.raises(KeycloakError, match="'scope' already exists"):
        SCOPE.create(cfg, inputs)

    place = {"realmId": realm, "clientScopeId": id}
    mappers = [
        made(cfg, AUDIENCE, **place, name="a", includedCustomAudience="api"),
        made(cfg, AUDIENCE, **place, name="b", includedClientAudience=client[1]),
        made(cfg, ATTRIBUTE, **place, name="c", userAttribute="plan", claimName="app.plan"),
        made(cfg, REALM_ROLES, **place, name="d", claimName="roles", realmRolePrefix="x_"),
        made(cfg, GENERIC, **place, **ANY, name="e", config=CONFIG),
    ]
    kinds = [AUDIENCE, AUDIENCE, ATTRIBUTE, REALM_ROLES, GENERIC]
    news = [
        {"includedCustomAudience": "other", "addToIdToken": False},
        {"includedCustomAudience": "api", "includedClientAudience": None},
        {"multivalued": True, "aggregateAttributes": True, "claimValueType": "JSON"},
        {"realmRolePrefix": None, "addToTokenIntrospection": False, "multivalued": True},
        {"config": {**CONFIG, "claim.value": "w"}},
    ]
    for kind, (its_id, its_inputs, its_outputs), new in zip(kinds, mappers, news, strict=True):
        assert kind.find(cfg, its_inputs) == its_id
        with pytest.raises(KeycloakError, match="already exists"):
            kind.create(cfg, its_inputs)
        given = {k: v for k, v in its_inputs.items() if k != "__defaults"}
        its_outputs = updated(cfg, kind, its_id, its_outputs, **{**given, **new})
        delete_for_good(kind, cfg, its_id, its_inputs, its_outputs)

    outputs = updated(cfg, SCOPE, id, outputs, realmId=realm, name="renamed")
    assert (outputs["description"], outputs["extraConfig"]) == ("d", None)
    delete_for_good(SCOPE, cfg, id, {**inputs, "name": "renamed"}, outputs)


@pytest.mark.platform
def test_a_realm_signs_with_the_keys_it_is_given(cfg, realm):
    def algorithms():
        return {key["algorithm"] for key in admin_of(cfg).get(f"{realm}/keys")["keys"]}

    for handler, news, more, first, then in (
        (ECDSA, {"ellipticCurveKey": "P-384"}, {"ellipticCurveKey": "P-521"}, "ES384", "ES512"),
        (RSA, {"algorithm": "PS256"}, {"algorithm": "RS512", "keySize": 1024}, "PS256", "RS512"),
    ):
        place = {"realmId": realm, "name": f"{first} keys", "priority": 50}
        id, inputs, outputs = made(cfg, handler, **place, **news)
        assert first in algorithms()
        assert handler.find(cfg, inputs) == id
        with pytest.raises(KeycloakError, match="already exists"):
            handler.create(cfg, inputs)
        outputs = updated(cfg, handler, id, outputs, **place, **more, active=False)
        assert then in algorithms()
        delete_for_good(handler, cfg, id, inputs, outputs)
        assert then not in algorithms()


@pytest.mark.platform
def test_a_realm_records_the_events_it_is_told_to(cfg, realm):
    news = {"eventsEnabled": True, "eventsExpiration": 3600, "enabledEventTypes": ["LOGIN"]}
    id, inputs, outputs = made(cfg, EVENTS, realmId=realm, **news)
    assert id == realm
    more = {"adminEventsEnabled": True, "adminEventsDetailsEnabled": True}
    outputs = updated(
        cfg, EVENTS, id, outputs, realmId=realm, **more, eventsListeners=["jboss-logging"]
    )
    assert set(changes(EVENTS, EVENTS.read(cfg, id, inputs, outputs), inputs)) >= {
        "eventsEnabled",
        "adminEventsEnabled",
    }
    EVENTS.delete(cfg, id, outputs)
    assert EVENTS.read(cfg, id, inputs, {})["adminEventsEnabled"] is False


@pytest.mark.platform
def test_a_user_profile_is_replaced_as_a_whole(cfg, realm):
    everybody = {"edits": ["admin", "user"], "views": ["admin", "user"]}
    attributes = [
        {"name": "username", "displayName": "${username}", "permissions": everybody},
        {"name": "email", "permissions": everybody},
        {
            "name": "plan",
            "displayName": "Plan",
            "defaultValue": "free",
            "group": "billing",
            "multiValued": True,
            "requiredForRoles": ["user"],
            "enabledWhenScopes": ["email"],
            "permissions": {"edits": ["admin"], "views": ["admin", "user"]},
            "validators": [
                {"name": "options", "config": {"options": json.dumps(["free", "pro"])}},
                {"name": "length", "config": {"min": "1", "max": "9"}},
                {"name": "person-name-prohibited-characters"},
            ],
            "annotations": {"inputType": "select", "labels": json.dumps({"free": "Free"})},
        },
    ]
    groups = [
        {"name": "billing", "displayHeader": "Billing", "annotations": {"a": "b"}},
        {"name": "address", "displayDescription": "Where"},
    ]
    id, inputs, outputs = made(
        cfg,
        PROFILE,
        realmId=realm,
        attributes=attributes,
        groups=groups,
        unmanagedAttributePolicy="ADMIN_EDIT",
    )
    outputs = updated(cfg, PROFILE, id, outputs, realmId=realm, attributes=attributes[:2])
    assert set(changes(PROFILE, PROFILE.read(cfg, id, inputs, outputs), inputs)) == {
        "attributes",
        "groups",
        "unmanagedAttributePolicy",
    }
    PROFILE.delete(cfg, id, outputs)
    left = PROFILE.read(cfg, id, {}, {})
    assert [attribute["name"] for attribute in left["attributes"]] == ["username", "email"]


@pytest.mark.platform
def test_with_its_realm_all_is_gone(cfg):
    place = {"realmId": f"t-{secrets.token_hex(4)}"}
    for handler, news in (
        (ROLE, {"name": "r"}),
        (DEFAULTS, {"defaultRoles": ["r"]}),
        (SCOPE, {"name": "s"}),
        (AUDIENCE, {"clientScopeId": "s", "includedCustomAudience": "a"}),
        (ECDSA, {"name": "k"}),
        (EVENTS, {}),
        (PROFILE, {}),
    ):
        inputs = check(handler, **place, **news)
        id = place["realmId"]
        handler.delete(cfg, id, inputs)
        assert handler.read(cfg, id, inputs, {}) is None
        assert handler.find(cfg, inputs) is None
        with pytest.raises(KeycloakError):
            handler.create(cfg, inputs)
