"""One suite for both engines: the embedded one and, where it is installed, the real pulumi CLI.

Scenarios are programs with expectations. Each is run by the embedded engine, by the CLI, and by
both in turns on one stack; in each case the handlers are the same objects in this process, which
the CLI reaches as a plugin.
"""
