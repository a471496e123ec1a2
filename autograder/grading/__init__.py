"""Grade submissions: rebuild, run in another process, judge outside it, record in nbgrader's gradebook."""
