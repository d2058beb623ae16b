"""Which projects use more than they may."""

from dataclasses import replace

from automation.limits import PLANS
from automation.usage import over

FREE, NONE = PLANS["free"], PLANS["enterprise"]


def test_as_much_as_one_may_is_not_more() -> None:
    limits = {ref: replace(FREE, api_requests_month_max=10) for ref in ("at", "above", "new")}
    used = {"at": 10, "above": 11, "gone": 10**9}
    assert over(limits, "api_requests", used) == {"above"}


def test_what_is_unlimited_is_never_over() -> None:
    assert over({"a": NONE}, "database_bytes", {"a": 10**15}) == set()


def test_no_plan_limits_requests_by_itself() -> None:
    assert {plan.api_requests_month_max for plan in PLANS.values()} == {None}
