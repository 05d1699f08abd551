"""Variables by which processes are found again, whoever started them. Standard library only."""

PART_MARK = "ARKWRIGHT_PART"
"""Names the part's directory: how processes that outlived their supervisor are found again."""
EXEC_MARK = "ARKWRIGHT_EXEC"
"""Names one command run beside an attempt, so that all it started ends with it."""
