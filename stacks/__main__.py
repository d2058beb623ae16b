"""`pulumi preview`, `pulumi up` or `python -m engine ...` on a project from a terminal or CI."""

from stacks.project import project_program
from stacks.spec import ProjectSpec, read_spec

project_program(read_spec(ProjectSpec))
