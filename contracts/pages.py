"""Lists in pages: what stands beside the rows of one."""

from pydantic import BaseModel


class Pagination(BaseModel):
    """`next` is the cursor of the page after this one; null on the last."""

    next: str | None = None
