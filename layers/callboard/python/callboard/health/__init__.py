"""Whether what Callboard depends on answers, and telling service discovery."""
