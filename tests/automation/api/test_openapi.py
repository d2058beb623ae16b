from pathlib import Path

from automation.api import openapi
from tests.automation.api.documented import OPERATIONS

ROOT = Path(__file__).parents[3]


def test_the_checked_in_document_is_current():
    message = "run: python -m automation.api.openapi"
    assert (ROOT / openapi.PATH).read_text() == openapi.document(), message


def test_every_operation_has_a_name_of_its_own():
    operations = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(operations)) == len(operations)
    assert "projects_create" in operations
