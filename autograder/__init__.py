"""Checks exercises in a student's notebook, and grades them from outside it.

`from autograder import check, progress` is all that a notebook needs. Everything else lives in the submodules and is
imported only where it is used: a student's kernel loads neither nbgrader nor anything that grades.
"""

from autograder.student.check import check, progress

__all__ = ["check", "progress"]
