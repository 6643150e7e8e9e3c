"""Task cards: what is to be made, and how far it is."""
