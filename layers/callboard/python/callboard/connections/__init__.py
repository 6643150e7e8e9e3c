"""People and programs that follow live."""
