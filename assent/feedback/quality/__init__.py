"""Practice, tests and gold: whether somebody judges as the guideline asks."""
