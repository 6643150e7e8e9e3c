"""Approved assets: the one chosen result of a card."""
