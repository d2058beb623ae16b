"""How secrets lie in the registry, and who holds which key.

    root key       opens keys of projects. Workers only; never in the registry. It lies in a file,
                   in a variable, or stays on an OpenBao server            root_keys.py
    project's key  opens data keys. In the registry, wrapped by the root key: with its row goes
                   every secret of the project, in backups too             keyring.py
    data key       opens one version of one secret, beside which it lies, wrapped by the
                   project's key                                           envelope.py
    inbox key      a pair in a project's key's place. The API has its public half: it seals what
                   only workers open, who wrap it by the project's key     sealing.py, rotation.py

All of them rotate while everybody reads on (rotation.py), but for data keys, each of which is used
once. Records that belong to no project (webhooks) have a key named `platform`.
"""
