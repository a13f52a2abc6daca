"""The pages: each module names its own routes."""
