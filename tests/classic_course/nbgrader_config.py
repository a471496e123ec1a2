"""The settings of a course that is not ours: other names for every folder, and a gradebook elsewhere."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "elsewhere"
c.CourseDirectory.source_directory = "masters"
c.CourseDirectory.release_directory = "handed_out"
c.CourseDirectory.submitted_directory = "handed_in"
c.CourseDirectory.autograded_directory = "graded"
c.CourseDirectory.feedback_directory = "returned"
c.ClearSolutions.code_stub = {"python": "# your turn\nraise NotImplementedError"}
c.Execute.timeout = 20
