"""random: passwords, strings and bytes that are drawn once and then stand in state.

Owns which types there are. Follows hashicorp/terraform-provider-random, which the package
pulumi-random bridges, except that `bcryptHash` is left empty: nothing here can make one.
"""

from collections.abc import Mapping

from engine.provider import Handler
from engine.providers.provider_resource import ProviderResource
from engine.providers.random.characters import RandomPassword, RandomString
from engine.providers.random.identifier import RandomId


def handlers() -> Mapping[str, Handler]:
    return {
        "pulumi:providers:random": ProviderResource(
            package="random", required=(), secret_outputs=()
        ),
        "random:index/randomPassword:RandomPassword": RandomPassword(),
        "random:index/randomString:RandomString": RandomString(),
        "random:index/randomId:RandomId": RandomId(),
    }
