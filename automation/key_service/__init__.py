"""What workers do for the API process, which has no key that decrypts anything and may not change
who may do what: whatever needs a project's secrets in clear, and those changes. They talk over a
unix socket that only the platform's user can open.

`client` is the API's side, `server` the worker's, `requests` what may be asked, `access_changes`
the changes among these.
"""
