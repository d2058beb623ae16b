"""What takes a project's secrets in clear, done by a worker for the API process, which has no key
that decrypts anything. They speak over a unix socket that only the platform's user can open.

`client` is the API's side, `server` the worker's, `requests` what may be asked.
"""
