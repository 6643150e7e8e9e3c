"""Activities: the parts of a project, in order, each with its cards."""
