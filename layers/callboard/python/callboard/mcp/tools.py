"""The built-in tools: each is what a service does, described for a model or an MCP client."""

from callboard.activities import service as activities
from callboard.activities.models import NewActivity
from callboard.assets import service as assets
from callboard.assets.models import ApprovedAsset
from callboard.cards import service as cards
from callboard.cards.models import Candidate, Card, NewCard
from callboard.database import Database
from callboard.jobs import service as jobs
from callboard.jobs.models import AcceptedJob, JobView, NewJob
from callboard.mcp.models import (
    MAX_CANDIDATES,
    ApprovalArguments,
    CandidateArguments,
    ChangedCard,
    CreatedActivity,
    CreatedJob,
    JobArguments,
    JobOfCard,
    PlannedActivity,
    ProjectArguments,
    WantedJob,
)
from callboard.mcp.registry import ToolContext, ToolResult, register_tool
from callboard.pagination import Page
from callboard.projects import service as projects
from callboard.projects.models import MEMORY_JOBS, ProjectMemory


def get_project_memory(db: Database, context: ToolContext, arguments: ProjectArguments) -> ToolResult:
    """Read what is known of a project."""
    return ToolResult(projects.get_project_memory(db, context.caller, arguments.project_id))


def create_activity_with_cards(db: Database, context: ToolContext, arguments: PlannedActivity) -> ToolResult:
    """Create an activity, its cards and the jobs of their candidates."""
    plan = NewActivity(
        title=arguments.title,
        position=arguments.position,
        cards=[NewCard(**card.model_dump(exclude={"candidates"})) for card in arguments.cards],
    )
    changed = activities.create_activity(db, context.caller, arguments.project_id, plan)
    activity = changed.result
    made = {card.position: card for card in activity.cards}
    wanted = [
        NewJob(card_id=made[position].id, params=params)
        for card, position in zip(arguments.cards, activities.positions_of(plan.cards), strict=True)
        for params in card.candidate_params
    ]
    if not wanted:
        return ToolResult(CreatedActivity(activity=activity, jobs=[]), events=changed.events)
    accepted, _ = jobs.create_jobs(
        db, context.caller, wanted, scope="tool create_activity_with_cards", thread_id=context.thread_id
    )
    return ToolResult(
        CreatedActivity(
            # With their jobs the cards are in another state than they were made in.
            activity=activities.get_activity(db, context.caller, activity.id),
            jobs=[
                JobOfCard(job_id=job.job_id, card_id=request.card_id)
                for job, request in zip(accepted, wanted, strict=True)
            ],
        ),
        events=changed.events,
        accepted_jobs=[job.job_id for job in accepted],
    )


def update_card(db: Database, context: ToolContext, arguments: ChangedCard) -> ToolResult:
    """Change or move a card."""
    changed = cards.update_card(db, context.caller, arguments.card_id, arguments)
    return ToolResult(changed.result, events=changed.events)


def create_job(db: Database, context: ToolContext, arguments: WantedJob) -> ToolResult:
    """Create a job of a card."""
    request = NewJob(**dict(arguments))
    (accepted,), _ = jobs.create_jobs(
        db, context.caller, [request], scope="tool create_job", thread_id=context.thread_id
    )
    return ToolResult(
        CreatedJob(job_id=accepted.job_id, card_id=request.card_id, status=accepted.status),
        accepted_jobs=[accepted.job_id],
    )


def get_job(db: Database, context: ToolContext, arguments: JobArguments) -> ToolResult:
    """Read a job."""
    return ToolResult(jobs.view_of(jobs.get_job(db, context.caller, arguments.job_id)))


def cancel_job(db: Database, context: ToolContext, arguments: JobArguments) -> ToolResult:
    """Cancel a job, or ask for it."""
    cancellation = jobs.cancel_job(db, context.caller, arguments.job_id)
    return ToolResult(jobs.view_of(cancellation.job), events=cancellation.events, checks=cancellation.checks)


def retry_job(db: Database, context: ToolContext, arguments: JobArguments) -> ToolResult:
    """Create a job like an ended one."""
    accepted, _ = jobs.retry_job(db, context.caller, arguments.job_id, thread_id=context.thread_id)
    return ToolResult(accepted, accepted_jobs=[accepted.job_id])


def list_candidates(db: Database, context: ToolContext, arguments: CandidateArguments) -> ToolResult:
    """Read a page of a card's candidates."""
    page = cards.list_candidates(db, context.caller, arguments.card_id, arguments.cursor, arguments.limit)
    return ToolResult(Page[Candidate](items=page.items, next_cursor=page.next_cursor))


def approve_asset(db: Database, context: ToolContext, arguments: ApprovalArguments) -> ToolResult:
    """Make a candidate its card's asset."""
    changed = assets.approve_job(db, context.caller, arguments.card_id, arguments.job_id)
    asset, _ = changed.result
    return ToolResult(asset, events=changed.events)


# The order is what clients list and cache, and models are shown.
register_tool(
    "get_project_memory",
    get_project_memory,
    ProjectArguments,
    description=f"""Read all that is known of a project, as it is now: the project; its activities by position, each \
with its cards by position (title, params, status, approved_asset_id); its approved assets, newest first; and its \
{MEMORY_JOBS} newest jobs, newest first, with status, params, error_code and error_message. Start from it before \
planning or continuing work, so that nothing is made twice. A card's status is planned (nothing is made yet), \
generating (jobs have not ended), review (candidates wait for a choice), failed (its newest job failed) or approved. \
URLs are good for 15 minutes.""",
    result=ProjectMemory,
    read_only=True,
)
register_tool(
    "create_activity_with_cards",
    create_activity_with_cards,
    PlannedActivity,
    description=f"""Create an activity of a project with its cards, and at once the jobs for their first candidates: \
all of it, or nothing if a part is refused. A card is one thing to be made; `candidates` (0 to {MAX_CANDIDATES}) says \
how many results to generate for it, each with a seed of its own, so that there is a choice. Answers the activity \
with the cards' ids, and the ids of the jobs, which run by themselves. Use it once for each activity: the same call \
again makes another one.""",
    result=CreatedActivity,
)
register_tool(
    "update_card",
    update_card,
    ChangedCard,
    description="""Change a card's title or params, or move it: `position` is its new place, `activity_id` another \
activity of the same project. What is left out stays as it is; name at least one field beside card_id. Jobs that were \
made before keep their params. Answers the card.""",
    result=Card,
    idempotent=True,
)
register_tool(
    "create_job",
    create_job,
    WantedJob,
    description="""Have one more result generated for a card. The job is queued and runs by itself; follow it with \
get_job. Use it for another candidate, with other params or another seed; to repeat a failed or cancelled job as it \
was, use retry_job. The same call again makes another job.""",
    result=CreatedJob,
)
register_tool(
    "get_job",
    get_job,
    JobArguments,
    description="""Read a job: its status (queued, processing, completed, failed, cancelled), progress from 0 to 1, \
params, and result_url once it is completed (good until result_url_expires_at; ask again for a fresh one). For a \
failed one, error_code is one of invalid_input, content_policy, provider_unavailable, provider_rejected, deadline, \
submission_unknown, output_unavailable, and error_message says more: after the first two change the params, after \
provider_unavailable or output_unavailable a retry may help.""",
    result=JobView,
    read_only=True,
)
register_tool(
    "cancel_job",
    cancel_job,
    JobArguments,
    description="""Cancel a job that has not ended. A queued one ends at once; for one under way its service is \
asked (cancel_requested), and it becomes cancelled, or completed if it finished first. An ended job stays as it is. \
Answers the job.""",
    result=JobView,
    idempotent=True,
)
register_tool(
    "retry_job",
    retry_job,
    JobArguments,
    description="""Make a new job like a failed or cancelled one, with the same card, params and service; retry_of \
names the old one, which stays as it is. For other params use create_job. The same call again makes another job.""",
    result=AcceptedJob,
)
register_tool(
    "list_candidates",
    list_candidates,
    CandidateArguments,
    description="""List the candidates of a card, newest first: its completed jobs with their params, media_type, \
result_url (good until result_url_expires_at) and whether one is the approved asset. Pass next_cursor as cursor for \
the next page; it is null on the last.""",
    result=Page[Candidate],
    read_only=True,
)
register_tool(
    "approve_asset",
    approve_asset,
    ApprovalArguments,
    description="""Make the output of a completed job its card's approved asset. A card has one: another job's \
replaces it, and `replaced` in the answer names it; the same job again changes nothing. Answers the asset.""",
    result=ApprovedAsset,
    idempotent=True,
)
