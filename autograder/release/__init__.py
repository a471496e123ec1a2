"""From solutions/ to notebooks/: the source chapters, their golden files, the student's edition and the kill matrix."""
