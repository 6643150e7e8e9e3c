"""Brings the database to the state that the deployed code needs."""

from pathlib import Path
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard import custom_resource, migrations
from callboard.database import session
from callboard.jobs import repository
from callboard.observability import logger
from callboard.providers.models import ProviderConfigs

MIGRATIONS = Path(__file__).parents[1] / "migrations"


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Apply new migrations and make the providers those of the deployment.

    Trigger: the stack's custom resource, at each deployment that changes either; a direct invocation with
    `{"ResourceProperties": {"Providers": ...}}` does the same. Effect: migrations run once each, in order, one
    deployment at a time, and the tables of the agents' checkpoints are brought to what their library needs. An error is
    reported to CloudFormation, which rolls the deployment back.
    """
    # Only here, so that whoever looks at the handler does not load LangGraph.
    from callboard.agents import checkpoints  # noqa: PLC0415

    def migrate(properties: dict[str, Any]) -> dict[str, Any]:
        configured = ProviderConfigs.validate_json(properties.get("Providers") or "[]")
        with session() as db:
            applied = migrations.apply(db, MIGRATIONS)
            checkpoints.set_up(db)
            with db.transaction():
                repository.replace_providers(db, [config.model_dump() for config in configured])
        logger.info("migrated", action="database_migrated", applied=applied, providers=len(configured))
        return {"Applied": ",".join(applied)}

    return custom_resource.handle(event, context, migrate)
