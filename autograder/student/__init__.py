"""What a student's notebook imports: `check`, `progress`, and how they are shown."""
