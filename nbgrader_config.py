"""nbgrader's settings for this course: solutions/ is the source, notebooks/ the release, and our engine judges."""

from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearOutput,
    ComputeChecksums,
    LockCells,
    SaveCells,
)

from autograder.release.preprocessors import ClearToStub, MarkGenerated

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "pytorch"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
# The banks of answers never leave solutions/.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "answers.py",
    "LECTURE*.md",
    ".*",
]

c.GenerateAssignment.preprocessors = [
    LockCells,
    ClearToStub,
    ClearOutput,
    MarkGenerated,
    CheckCellMetadata,
    ComputeChecksums,
    SaveCells,
    CheckCellMetadata,
]
c.ClearSolutions.enforce_metadata = True
c.ClearSolutions.text_stub = "*Write your answer here, in place of this line.*"

# What nbgrader would read from a submission is rebuilt from solutions/ first, and judged from outside the student's kernel.
c.Autograde.pre_convert_hook = "autograder.grading.preprocessors.prepare"
c.Autograde.exporter_class = "autograder.grading.preprocessors.SubmissionExporter"
c.Autograde.sanitize_preprocessors = ["autograder.grading.preprocessors.Rebuild"]
c.Autograde.autograde_preprocessors = [
    "autograder.grading.preprocessors.RunAndJudge",
    "nbgrader.preprocessors.SaveAutoGrades",
    "autograder.grading.preprocessors.FlagForReview",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
