"""random:index/randomString:RandomString and random:index/randomPassword:RandomPassword.

Owns drawing characters. There is nothing outside the state: whatever changes draws anew.
"""

import secrets
from string import ascii_lowercase, ascii_uppercase, digits
from typing import ClassVar

from engine.provider import Props
from engine.providers.schema import Field, Fields, SchemaHandler, is_unknown, outputs_of

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
# Input -> its characters, and the input that says how many of them there must be at least.
CLASSES = {
    "upper": (ascii_uppercase, "minUpper"),
    "lower": (ascii_lowercase, "minLower"),
    "numeric": (digits, "minNumeric"),
    "special": (SPECIAL, "minSpecial"),
}
MINIMA = tuple(minimum for _, minimum in CLASSES.values())

FIELDS: Fields = {
    "length": Field(kind="int", required=True, replaces=True, minimum=1),
    "keepers": Field(kind="map", replaces=True),
    **{name: Field(kind="bool", default=True, replaces=True) for name in CLASSES},
    "number": Field(kind="bool", default=True, replaces=True),  # the old name of `numeric`
    **{name: Field(kind="int", default=0, replaces=True, minimum=0) for name in MINIMA},
    "overrideSpecial": Field(replaces=True),
    "result": Field(output=True),
}


class RandomString(SchemaHandler):
    fields: ClassVar[Fields] = FIELDS
    key = ()  # the next one never meets the one it replaces
    # The version of the Terraform schema; without it the plugin would run its state upgrade.
    meta: ClassVar[str] = '{"schema_version":"2"}'

    def check(self, cfg: Props, urn: str, olds: Props | None, news: Props) -> Props:
        for name, other in (("number", "numeric"), ("numeric", "number")):
            if news.get(name) is None and news.get(other) is not None:
                news = {**news, name: news[other]}
        return super().check(cfg, urn, olds, news)

    def validate(self, inputs: Props) -> None:
        if is_unknown({name: inputs.get(name) for name in ("length", *CLASSES, *MINIMA)}):
            return
        if inputs["number"] != inputs["numeric"]:
            raise ValueError("number is the old name of numeric: give one of them")
        if not any(inputs[name] for name in CLASSES):
            raise ValueError(f"one of {', '.join(CLASSES)} must be true")
        if inputs["length"] < sum(inputs.get(name) or 0 for name in MINIMA):
            raise ValueError(f"length must be at least the sum of {', '.join(MINIMA)}")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        result = _draw(inputs)
        id = self.id_of(result)
        actual = {"result": result}
        return id, outputs_of(self.fields, id, inputs, actual) | {"__meta": self.meta}

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        return outputs or self.imported(id)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        raise AssertionError("every property of a random string replaces it")

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        return None

    def id_of(self, result: str) -> str:
        return result

    def imported(self, id: str) -> Props:
        defaults = {name: f.default for name, f in self.fields.items()}
        return {**defaults, "length": len(id), "result": id, "id": id, "__meta": self.meta}


class RandomPassword(RandomString):
    fields = {
        **FIELDS,
        "result": Field(output=True, secret=True),
        "bcryptHash": Field(output=True, secret=True),
    }
    meta = '{"schema_version":"3"}'

    def id_of(self, result: str) -> str:
        return "none"  # an id is no place for a secret

    def imported(self, id: str) -> Props:
        raise ValueError("a password cannot be imported: its id would have to be the password")


def _draw(inputs: Props) -> str:
    alphabets = {name: characters for name, (characters, _) in CLASSES.items()}
    alphabets["special"] = inputs.get("overrideSpecial") or SPECIAL
    drawn = [
        secrets.choice(alphabets[name])
        for name, (_, minimum) in CLASSES.items()
        for _ in range(inputs.get(minimum) or 0)
    ]
    every = "".join(characters for name, characters in alphabets.items() if inputs[name])
    drawn += [secrets.choice(every) for _ in range(inputs["length"] - len(drawn))]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)
