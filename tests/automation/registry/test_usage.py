"""What projects use, by month."""

from datetime import date

from automation import projects
from automation.reconcilers.usage import read_requests
from automation.registry import usage as rows
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


def test_requests_are_what_a_counter_grew_by(ctx):
    ref = projects.create(ctx, TESTER, ProjectCreate(name="shop")).project.ref

    def used(month):
        return {each.metric: each.value for each in rows.of_project(conn, ref, month)}

    with ctx.transaction() as conn:
        for counter in (10, 10, 25):
            rows.count(conn, ref, "api_requests", OCTOBER, counter)
        assert used(OCTOBER) == {"api_requests": 25}
        rows.count(conn, ref, "api_requests", NOVEMBER, 30)
        assert used(NOVEMBER) == {"api_requests": 5}
        rows.count(conn, ref, "api_requests", NOVEMBER, 4)  # the gateway was started anew
        assert used(NOVEMBER) == {"api_requests": 9}
        assert used(OCTOBER) == {"api_requests": 25}


def test_the_metrics_of_the_gateway_are_summed_by_project():
    a, b = "a" * 20, "b" * 20
    text = f"""\
# HELP traefik_service_requests_total How many HTTP requests
traefik_service_requests_total{{code="200",method="GET",protocol="http",service="{a}@file"}} 12
traefik_service_requests_total{{code="401",method="POST",protocol="http",service="{a}@file"}} 3
traefik_service_requests_total{{code="200",method="GET",protocol="http",service="{b}@file"}} 1e+06
traefik_service_requests_total{{code="200",method="GET",protocol="http",service="ping@internal"}} 7
traefik_service_request_duration_seconds_count{{code="200",service="{a}@file"}} 99
"""
    assert read_requests(text) == {a: 15, b: 1_000_000}
