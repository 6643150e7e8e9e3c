"""The official conformance suite of MCP against our function: `make conformance`."""
