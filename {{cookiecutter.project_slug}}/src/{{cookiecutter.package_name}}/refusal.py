"""A refusal: input that cannot be used, in words for whoever can change it."""


class Refusal(ValueError):  # noqa: N818 a person is refused, the program is fine
    """Input that cannot be used; the message is one sentence: what was found, what was expected, what to do."""
