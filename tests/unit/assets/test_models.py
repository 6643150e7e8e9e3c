"""What an approval may hold."""

from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from callboard.assets.models import Approval


@pytest.mark.parametrize("body", [{}, {"job_id": None}, {"job_id": 7}, {"job_id": str(uuid4()), "card_id": "x"}])
def test_an_approval_names_one_job_and_nothing_else(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Approval.model_validate(body)
