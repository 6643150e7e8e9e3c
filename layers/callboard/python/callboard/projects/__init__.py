"""Projects: the productions of a tenant."""
