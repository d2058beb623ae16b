"""A Cloudflare on loopback: zones, DNS records and custom hostnames, as the real API answers.

Owns what tests of the handlers need of it: ids, completed names, normalized contents, refusals
with the real codes, pages, a certificate that takes its time, and failures to order.
"""

import ipaddress
import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

PER_PAGE_MAX = 100
TOKEN = "good-token"


class Refusal(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class FakeCloudflare:
    """`failures` are given instead of the next answers: (status, headers, body) each, body None
    for half an answer."""

    def __init__(self) -> None:
        self.zone = secrets.token_hex(16)
        self.zone_name = "example.com"
        self.records: dict[str, dict] = {}
        self.hostnames: dict[str, dict] = {}
        self.failures: list[tuple[int, dict[str, str], bytes | None]] = []
        self.may_read_zones = True
        self.calls: list[str] = []
        self.lock = threading.Lock()
        self.base_url = ""

    def answer(self, method: str, path: str, query: dict, body: dict) -> tuple[object, dict | None]:
        """The result, and what it says of pages."""
        zone = f"/zones/{self.zone}"
        if not path.startswith(zone):
            raise Refusal(404, 7003, "Could not route to the zone, perhaps your object identifier")
        place, _, id = path.removeprefix(zone).strip("/").partition("/")
        if not place:
            if not self.may_read_zones:
                raise Refusal(403, 10000, "Authentication error")
            return {"id": self.zone, "name": self.zone_name}, None
        kind = {"dns_records": Records, "custom_hostnames": Hostnames}[place](self)
        if method == "GET" and not id:
            return paged([one for one in kind.objects.values() if kind.matches(one, query)], query)
        if method == "POST":
            return kind.put(secrets.token_hex(16), body), None
        if id not in kind.objects:
            raise Refusal(404, *kind.gone)
        if method == "GET":
            return kind.objects[id], None
        if method == "DELETE":
            del kind.objects[id]
            return {"id": id}, None
        return kind.put(id, body), None

    def activate(self) -> None:
        for hostname in self.hostnames.values():
            wanted = hostname["ssl"].get("_wanted") or {}
            hostname["ssl"] |= {"bundle_method": "ubiquitous", "wildcard": False, **wanted}
            hostname["ssl"] |= {"status": "active", "certificate_authority": "google"}
            hostname["status"] = "active"


def paged(found: list, query: dict) -> tuple[list, dict]:
    page, size = int(query.get("page", 1)), min(int(query.get("per_page", 20)), PER_PAGE_MAX)
    pages = max(1, -(-len(found) // size))
    part = found[(page - 1) * size : page * size]
    counts = {"count": len(part), "total_count": len(found), "total_pages": pages}
    return part, {"page": page, "per_page": size, **counts}


class Records:
    gone = (81044, "Record does not exist.")

    def __init__(self, cloudflare: FakeCloudflare) -> None:
        self.objects, self.zone = cloudflare.records, cloudflare.zone_name

    def matches(self, record: dict, query: dict) -> bool:
        name = query.get("name.exact", record["name"])
        return (record["type"], record["name"]) == (query.get("type", record["type"]), name)

    def put(self, id: str, body: dict) -> dict:
        if body.get("proxied") and body.get("ttl") != 1:
            raise Refusal(400, 9004, "Invalid TTL for a proxied record")
        name = body["name"].lower().rstrip(".")
        name = self.zone if name == "@" else name
        name = name if name.endswith(self.zone) else f"{name}.{self.zone}"
        others = [r for r in self.objects.values() if r["id"] != id and r["name"] == name]
        content = body.get("content") or " ".join(map(str, body["data"].values()))
        content = normalized(body["type"], content)
        if any((r["type"], r["content"]) == (body["type"], content) for r in others):
            raise Refusal(400, 81058, "An identical record already exists.")
        hosts = {"A", "AAAA", "CNAME"}
        if body["type"] in hosts and any(
            r["type"] in hosts and "CNAME" in (r["type"], body["type"]) for r in others
        ):
            raise Refusal(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        old = self.objects.get(id, {})
        self.objects[id] = {
            "id": id,
            "type": body["type"],
            "name": name,
            "content": content,
            "proxied": bool(body.get("proxied")),
            "proxiable": body["type"] in hosts,
            "ttl": float(body["ttl"]),
            "comment": body.get("comment") or None,
            "tags": body.get("tags") or [],
            "settings": body.get("settings") or {},
            "meta": {},
            "created_on": old.get("created_on", now),
            "modified_on": now,
            **{key: body[key] for key in ("data", "priority") if key in body},
        }
        return self.objects[id]


def normalized(kind: str, content: str) -> str:
    if kind in ("A", "AAAA"):
        return str(ipaddress.ip_address(content))
    if kind == "TXT":
        return content if content.startswith('"') else f'"{content}"'
    return content.rstrip(".")


class Hostnames:
    gone = (1436, "The custom hostname was not found.")

    def __init__(self, cloudflare: FakeCloudflare) -> None:
        self.objects = cloudflare.hostnames

    def matches(self, hostname: dict, query: dict) -> bool:
        return query.get("hostname", "") in hostname["hostname"]

    def put(self, id: str, body: dict) -> dict:
        old = self.objects.get(id, {})
        name = body.get("hostname", old.get("hostname")).lower()
        if any(h["hostname"] == name for h in self.objects.values() if h["id"] != id):
            raise Refusal(409, 1406, "Duplicate custom hostname found.")
        # While the certificate is being made, little is said of it.
        ssl = {"id": secrets.token_hex(16), "status": "initializing", "_wanted": body.get("ssl")}
        self.objects[id] = {
            **old,
            "id": id,
            "hostname": name,
            "ssl": ssl if body.get("ssl") else old.get("ssl", ssl),
            "status": old.get("status", "pending"),
            "created_at": old.get("created_at", datetime.now(UTC).isoformat()),
            "ownership_verification": {
                "type": "txt",
                "name": f"_cf-custom-hostname.{name}",
                "value": secrets.token_hex(16),
            },
            **{k: v for k, v in body.items() if k.startswith("custom_")},
        }
        return self.objects[id]


@contextmanager
def serving(cloudflare: FakeCloudflare) -> Iterator[FakeCloudflare]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # an answer is one packet: none waits for an acknowledgement

        def _answer(self) -> None:
            url = urlsplit(self.path)
            path, query = url.path.removeprefix("/client/v4"), dict(parse_qsl(url.query))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with cloudflare.lock:
                cloudflare.calls.append(f"{self.command} {path}")
                failure = cloudflare.failures.pop(0) if cloudflare.failures else None
                answer = failure or self._done(path, query, json.loads(body or b"{}"))
            self._send(*answer)

        def _done(self, path: str, query: dict, body: dict) -> tuple[int, dict, bytes]:
            envelope = {"success": True, "errors": [], "messages": [], "result": None}
            status = 200
            try:
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    raise Refusal(403, 10000, "Authentication error")
                result, pages = cloudflare.answer(self.command, path, query, body)
                envelope |= {"result": result} | ({"result_info": pages} if pages else {})
            except Refusal as error:
                status = error.status
                envelope |= {"success": False}
                envelope |= {"errors": [{"code": error.code, "message": str(error)}]}
            return status, {}, json.dumps(envelope).encode()

        def _send(self, status: int, headers: dict[str, str], body: bytes | None) -> None:
            self.send_response_only(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if body is not None else 99))
            self.end_headers()
            self.wfile.write(body if body is not None else b'{"success": tr')
            self.close_connection = body is None

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    cloudflare.base_url = f"http://127.0.0.1:{server.server_port}/client/v4"
    try:
        yield cloudflare
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


ID = re.compile(r"[0-9a-f]{32}")
