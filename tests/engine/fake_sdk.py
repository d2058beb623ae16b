"""SDK classes of the fake package, as a generated SDK would have them."""

import pulumi


class Thing(pulumi.CustomResource):
    url: pulumi.Output

    def __init__(self, resource_name, opts=None, **props):
        super().__init__("fake:index:Thing", resource_name, {"url": None, **props}, opts)


class Typed(pulumi.CustomResource):
    """A resource of any type of the package."""

    def __init__(self, type_, resource_name, opts=None, **props):
        super().__init__(f"fake:index:{type_}", resource_name, props, opts)


class Component(pulumi.ComponentResource):
    """A component of any type, without children of its own."""

    def __init__(self, type_, name, opts=None, props=None):
        super().__init__(f"demo:index:{type_}", name, props, opts)


class FakeProvider(pulumi.ProviderResource):
    def __init__(self, resource_name, opts=None, **props):
        super().__init__("fake", resource_name, props, opts)


class Pair(pulumi.ComponentResource):
    """A component with two children, one built on the other."""

    def __init__(self, name, opts=None):
        super().__init__("demo:index:Pair", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        self.first = Thing(f"{name}-first", size=1, opts=inside)
        self.second = Thing(f"{name}-second", of=self.first.url, opts=inside)
        self.register_outputs({"url": self.second.url})


def options(**given):
    return pulumi.ResourceOptions(**given)
