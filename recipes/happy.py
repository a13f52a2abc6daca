"""The reward of gpt2-happy.yaml: a function of texts, one number an answer."""


def happy(prompts, responses):  # noqa: ARG001 - a reward is given both
    """+1 where the word stands in the answer, -1 where it does not."""
    return [1.0 if "happy" in response else -1.0 for response in responses]
