"""`make bench`: what checks, chapters and a whole class cost on this machine, side by side with stock nbgrader."""
