"""The one kind of exception that the installer raises for its user."""

from __future__ import annotations


class Problem(Exception):
    """Something the user can put right: a sentence that says what it is, and a remedy."""

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(f"{sentence} {remedy}")
        self.sentence = sentence
        self.remedy = remedy
