"""How secrets are stored in the registry, and who holds which key.

    root key       opens keys of projects. Workers only; never in the registry. Kept in a file or
                   a variable, or never leaves an OpenBao server or AWS      root_keys.py
    project's key  opens data keys. In the registry, wrapped by the root key: when its row goes,
                   so does every secret of the project, in backups too       keyring.py
    data key       opens one version of one secret, is stored beside it, wrapped by the
                   project's key                                             envelope.py
    inbox key      a pair in a project's key's place. The API seals with its public half what
                   only workers open, who rewrap it by the project's key     sealing.py, rotation.py

All of them rotate while reads go on (rotation.py), except data keys, each of which is used once.
Records that belong to no project (webhooks) have a key named `platform`.
"""
