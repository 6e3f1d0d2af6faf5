"""The second folder."""


def average