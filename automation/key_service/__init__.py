"""What a worker does for the API process, which has no key that decrypts anything and may not write
who may do what: whatever takes a project's secrets in clear, and those changes. They speak over a
unix socket that only the platform's user can open.

`client` is the API's side, `server` the worker's, `requests` what may be asked, `access_changes`
the changes among it.
"""
