"""The annotation app: people compare, rank, rate and write, and nothing that they do is lost."""
