"""Cloud generation services behind one small protocol."""
