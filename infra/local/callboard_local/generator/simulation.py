"""How a single generation may misbehave: what `input.simulate` or `params.simulate` can say.

Unknown keys are refused, so that a test which misspells one cannot pass by accident. All durations are seconds.
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ERRORS = {
    "fail": "The model crashed while generating.",
    "refuse": "The request was flagged by the content policy: the prompt contains sensitive content.",
    "invalid": "Input validation failed: this combination of inputs must be changed.",
}
# Beyond what any client should read of one output.
HUGE_BYTES = 256 * 1024 * 1024


class CallbackSimulation(BaseModel):
    """How callbacks and reports misbehave."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: int = Field(default=1, ge=1, le=10, description="Each is sent so often, with one webhook-id.")
    delay: float = Field(default=0.0, ge=0, le=600, description="Each is held back so long.")
    order: Literal["normal", "reversed"] = "normal"
    signature: Literal["good", "bad", "missing", "old"] = "good"
    none: bool = Field(default=False, description="Nothing is sent at all.")
    before_ready: bool = Field(
        default=False, description="Completion is announced when the work starts, and only then."
    )


class Simulation(BaseModel):
    """How a generation misbehaves, whichever way it was asked for.

    What happens a number of times is counted over all creations with the same `key`; without one, with the same
    callback URL, its `attempt` parameter left out, so that the attempts of one job count together.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    duration: float | None = Field(default=None, ge=0, le=3600, description="How long the work takes.")
    start_delay: float | None = Field(
        default=None, ge=0, le=3600, description="How long it waits for the work to start."
    )
    outcome: Literal["succeed", "fail", "refuse", "invalid"] = "succeed"
    outcome_times: int | None = Field(default=None, ge=0, description="The first so many end so, later ones succeed.")
    error: str | None = Field(default=None, min_length=1, max_length=2000, description="The text of the failure.")
    key: str | None = Field(default=None, min_length=1, max_length=200)
    http_status: int | None = Field(default=None, ge=400, le=599, description="What creation answers.")
    http_times: int = Field(default=1, ge=0, description="The first so many creations answer it.")
    retry_after: int | None = Field(
        default=None, ge=0, description="The Retry-After header sent with it; 429 has one of 1 without this."
    )
    create_delay: float = Field(default=0.0, ge=0, le=600, description="The answer to creation waits so long.")
    drop_response: bool = Field(default=False, description="The connection is closed without an answer to creation.")
    drop_times: int | None = Field(default=None, ge=0, description="The first so many answers are dropped; else all.")
    accept: bool = Field(default=True, description="With drop_response: False when nothing was accepted either.")
    callbacks: CallbackSimulation = CallbackSimulation()
    output: Literal["normal", "missing", "huge", "slow", "wrong_type", "redirect", "empty"] = "normal"
    output_bytes: int = Field(default=HUGE_BYTES, ge=1, le=4 * HUGE_BYTES, description="The size of a huge output.")
    output_seconds: float = Field(default=30.0, gt=0, le=600, description="How long a slow output takes.")
    redirect_to: str | None = Field(default=None, description="Where a redirect points.")

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if (self.output == "redirect") != (self.redirect_to is not None):
            raise ValueError("redirect_to and the output 'redirect' go together")
        if not self.accept and not self.drop_response:
            raise ValueError("accept can be false only with drop_response")
        if self.error is not None and self.outcome == "succeed":
            raise ValueError("error needs an outcome other than 'succeed'")
        return self

    def refuses_creation(self, occurrence: int) -> bool:
        """Tell whether the creation that is the `occurrence`-th of its key, from 1, is refused."""
        return self.http_status is not None and occurrence <= self.http_times

    def drops_answer(self, occurrence: int) -> bool:
        """Tell whether the answer to a creation is dropped."""
        return self.drop_response and (self.drop_times is None or occurrence <= self.drop_times)

    def failure(self, occurrence: int) -> str | None:
        """Return the error that an accepted generation ends with, or None when it succeeds."""
        if self.outcome == "succeed" or (self.outcome_times is not None and occurrence > self.outcome_times):
            return None
        return self.error or ERRORS[self.outcome]


class PredictionSimulation(Simulation):
    """How a prediction misbehaves: it can also be asked about and cancelled."""

    get_status: int | None = Field(default=None, ge=400, le=599, description="What reading it answers.")
    get_times: int = Field(default=1, ge=0, description="The first so many reads answer it.")
    ignore_cancel: bool = Field(default=False, description="It goes on, past its deadline too.")
    cancel_to: Literal["canceled", "aborted"] | None = Field(default=None, description="How a cancelled one ends.")

    def refuses_read(self, occurrence: int) -> bool:
        """Tell whether the `occurrence`-th read of a prediction, from 1, is refused."""
        return self.get_status is not None and occurrence <= self.get_times
