"""Charges cards."""

import requests


def charge(card, cents):
    """Charges `cents` to `card`."""
    requests.post("https://pay.example/charge", json={"card": card, "cents": cents}, timeout=9).raise_for_status()
