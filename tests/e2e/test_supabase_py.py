"""The unmodified `supabase` from PyPI."""

from collections.abc import Iterator
from typing import Any

import pytest
from postgrest.exceptions import APIError
from supabase import Client, create_client

pytestmark = [
    pytest.mark.platform,
    # The client's own: it passes to its parts what they no longer want.
    pytest.mark.filterwarnings("ignore:The '(timeout|verify)' parameter:DeprecationWarning"),
]


@pytest.fixture
def anon(notes: dict[str, Any]) -> Iterator[Client]:
    client = create_client(notes["api_url"], notes["anon_key"])
    yield client
    client.postgrest.aclose()  # it has no close of its own


@pytest.fixture
def service(notes: dict[str, Any]) -> Iterator[Client]:
    client = create_client(notes["api_url"], notes["service_role_key"])
    yield client
    client.postgrest.aclose()


@pytest.mark.parametrize("role", ["anon", "service"])
def test_rows_without_rls(role: str, request: pytest.FixtureRequest) -> None:
    client: Client = request.getfixturevalue(role)
    (made,) = client.table("open_notes").insert({"title": "by python"}).execute().data
    table = client.table("open_notes")
    assert table.select("*").eq("id", made["id"]).execute().data == [made]
    (changed,) = table.update({"title": "changed"}).eq("id", made["id"]).execute().data
    assert changed == made | {"title": "changed"}
    table.delete().eq("id", made["id"]).execute()
    assert table.select("*").eq("id", made["id"]).execute().data == []


def test_rls_hides_rows_from_anon_and_not_from_service_role(anon: Client, service: Client) -> None:
    (made,) = service.table("guarded_notes").insert({"title": "kept"}).execute().data
    assert anon.table("guarded_notes").select("*").execute().data == []
    with pytest.raises(APIError) as refused:
        anon.table("guarded_notes").insert({"title": "forged"}).execute()
    assert refused.value.code == "42501"
    changed = anon.table("guarded_notes").update({"title": "x"}).eq("id", made["id"]).execute()
    assert changed.data == []
    assert anon.table("guarded_notes").delete().eq("id", made["id"]).execute().data == []
    kept = service.table("guarded_notes").select("*").eq("id", made["id"]).execute().data
    assert kept == [made]
    service.table("guarded_notes").delete().eq("id", made["id"]).execute()


def test_a_policy_decides_what_anon_reads(anon: Client, service: Client) -> None:
    drafts = [{"title": "out", "published": True}, {"title": "draft", "published": False}]
    ids = [row["id"] for row in service.table("published_notes").insert(drafts).execute().data]
    seen = anon.table("published_notes").select("title").in_("id", ids).execute().data
    assert seen == [{"title": "out"}]
    both = service.table("published_notes").select("id").in_("id", ids).execute().data
    assert len(both) == 2
    service.table("published_notes").delete().in_("id", ids).execute()
