"""A package of handlers as a plugin of the pulumi CLI, so that one implementation serves both.

A distribution that offers a package by the entry point group `engine.providers` adds a console
script `pulumi-resource-NAME = "engine.plugin.__main__:main"`. The CLI finds that on PATH, or in
the folder that `plugins: providers: - path:` of a Pulumi.yaml names.
"""
