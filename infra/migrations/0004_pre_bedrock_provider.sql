-- Services that are not reached by a URL and a token: Bedrock's asynchronous invocation of a model, in a region.

ALTER TABLE providers
    ALTER COLUMN base_url DROP NOT NULL,
    ALTER COLUMN token_secret DROP NOT NULL,
    ALTER COLUMN webhook_secret DROP NOT NULL,
    ADD COLUMN model_id text,
    ADD COLUMN region text,
    ADD COLUMN output_bucket text,
    DROP CONSTRAINT providers_kind_check,
    ADD CONSTRAINT providers_kind_check CHECK (
        CASE kind
            WHEN 'bedrock' THEN model_id IS NOT NULL
            WHEN 'replicate' THEN num_nulls(base_url, token_secret, webhook_secret) = 0
            WHEN 'push' THEN num_nulls(base_url, token_secret, webhook_secret) = 0
            ELSE false
        END);
COMMENT ON COLUMN providers.region IS 'Of the model; the stack''s own if null.';
COMMENT ON COLUMN providers.output_bucket IS 'Where Bedrock puts what the model made; the assets bucket if null.';
