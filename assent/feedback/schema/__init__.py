"""The tables, as Django models."""
