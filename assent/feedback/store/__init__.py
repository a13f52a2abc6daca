"""What is written while people work: claims, judgements, skips. Each through one writer."""
