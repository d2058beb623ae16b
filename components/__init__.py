"""What a project is made of: one ComponentResource per file.

Owns the shape of a tenant: database, realm, bucket, app stack, DNS record; `targets/` is the only
branch on where it runs, `provider/` our own native Pulumi provider. Must not know which engine runs
it, nor the control plane.
"""
