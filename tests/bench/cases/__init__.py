"""What is measured: one module a case, each with a function `measure`."""
