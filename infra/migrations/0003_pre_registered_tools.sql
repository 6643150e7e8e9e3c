-- Tools that other services offer to a tenant's agents and MCP clients, beside those built in.

CREATE TABLE registered_tools (
    id            uuid PRIMARY KEY,
    tenant        text NOT NULL,
    name          text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{0,63}$'),
    description   text NOT NULL,
    schema        json NOT NULL,
    output_schema json,
    function      text NOT NULL,
    created_by    text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT registered_tools_one_a_name UNIQUE (tenant, name)
);
COMMENT ON COLUMN registered_tools.schema IS 'JSON Schema of the arguments; json keeps the order of properties, which models read.';
COMMENT ON COLUMN registered_tools.output_schema IS 'JSON Schema of the answer; null if the tool promises none.';
