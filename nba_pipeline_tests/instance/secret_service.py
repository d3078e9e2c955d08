"""Google's Secret Manager and its token service on a local port, for the real client with a key of a throw-away account."""

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.credentials import CredentialsWithRegionalAccessBoundary

TOKEN, PROJECT = "canary-token", "nba"


@dataclass
class SecretService:
    """The secrets by resource name, and what was requested. `token_error` is the error of an expired credential."""

    url: str = ""
    secrets: dict[str, bytes] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    """Statuses of the next answers; 200 without one."""
    token_error: str = ""
    requested: list[str] = field(default_factory=list)

    def add(self, secret: str, value: str) -> str:
        """Adds a secret, and returns its reference."""
        self.secrets[f"projects/{PROJECT}/secrets/{secret}/versions/latest"] = value.encode()
        return f"sm://{PROJECT}/{secret}"


class _Handler(http.server.BaseHTTPRequestHandler):
    service: SecretService

    def do_POST(self) -> None:
        """Answers a request for a token."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        if self.service.token_error:
            self.answer(400, {"error": self.service.token_error, "error_description": "Token has been expired or revoked."})
            return
        self.answer(200, {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})

    def do_GET(self) -> None:
        """Answers a request for a secret."""
        name = self.path.removeprefix("/v1/").removesuffix(":access")
        self.service.requested.append(name)
        status = self.service.statuses.pop(0) if self.service.statuses else 200
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status = 401
        if status == 200 and name not in self.service.secrets:
            status = 404
        if status != 200:
            self.answer(status, {"error": {"code": status, "message": "refused"}})
            return
        data = base64.b64encode(self.service.secrets[name]).decode()
        self.answer(200, {"name": name, "payload": {"data": data, "dataCrc32c": "0"}})

    def answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def secret_service(patch: pytest.MonkeyPatch, folder: Path) -> Iterator[SecretService]:
    """Serves secrets. The variables of this process name the service and the key of an account."""
    service = SecretService()
    # a thread of Google's client would ask another service of Google for the locations of the account
    patch.setattr(CredentialsWithRegionalAccessBoundary, "_is_regional_access_boundary_lookup_required", lambda _: False)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"service": service}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    patch.setenv("SECRET_MANAGER_URL", service.url)
    patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(_account(folder, f"{service.url}/token")))
    yield service
    server.shutdown()
    server.server_close()


@cache
def _key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def _account(folder: Path, token_url: str) -> Path:
    """Writes the key of a service account whose tokens come from a URL."""
    file = folder / "account.json"
    account = {"type": "service_account", "client_email": "nba@nba.iam.gserviceaccount.com", "private_key_id": "1"}
    file.write_text(json.dumps({**account, "private_key": _key(), "token_uri": token_url, "project_id": PROJECT}))
    return file
