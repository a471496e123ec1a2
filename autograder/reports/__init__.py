"""What instructors and students read after grading: the class table, grades.csv, feedback notebooks."""
