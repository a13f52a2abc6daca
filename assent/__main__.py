"""`python -m assent`, where the command is not on the PATH."""

from assent.cli import main

main(prog_name="assent")
