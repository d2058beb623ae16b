"""Calls about the audit log."""

from collections.abc import Iterator

from automation.transport import Transport, read
from contracts.audit import AuditPage, AuditRow, AuditVerdict

LINES_OF_JSON = "application/x-ndjson"
PAGE_ROWS = 500


class AuditCalls:
    _at: Transport

    def audit(self, *, rows_max: int, **asked: str | None) -> Iterator[AuditRow]:
        """Newest first, at most `rows_max`. `asked`: organization, member, action, target."""
        query = {name: value for name, value in asked.items() if value is not None}
        while rows_max > 0:
            limit = min(rows_max, PAGE_ROWS)
            answer = self._at.ask("GET", "/v1/audit", params={**query, "limit": limit})
            page = read(AuditPage, answer)
            yield from page.data
            rows_max -= len(page.data)
            if page.pagination.next is None:
                return
            query["cursor"] = page.pagination.next

    def audit_export(self) -> Iterator[str]:
        """Lines of JSON, as they come: the head, then every row (contracts/audit.py)."""
        return self._at.lines("/v1/audit/export", kind=LINES_OF_JSON)

    def verify_audit(self, *, anchor: str | None = None) -> AuditVerdict:
        query = {} if anchor is None else {"anchor": anchor}
        return read(AuditVerdict, self._at.ask("GET", "/v1/audit/verify", params=query))
