"""Tools: what models, agents and MCP clients can do. Importing any part of this registers those built in."""

# Here and nowhere else: a registry that depended on who imports what would lack a tool in one function only.
from callboard.mcp import tools as tools
