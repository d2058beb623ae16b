"""One case per resource type: how a program asks for it, and how somebody else changes it.

Owns the tables only; what is done with a case stands in test_every_type.py. A drift is made with
the server's own means, not with the handler that is to see it.
"""

from tests.engine.servers.cases.cloudflare import CLOUDFLARE
from tests.engine.servers.cases.keycloak import KEYCLOAK
from tests.engine.servers.cases.minio import MINIO
from tests.engine.servers.cases.postgresql import POSTGRESQL

CASES = [*POSTGRESQL, *KEYCLOAK, *MINIO, *CLOUDFLARE]
