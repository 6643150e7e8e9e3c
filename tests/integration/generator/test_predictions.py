"""Replicate's predictions API as a client sees it."""

import io
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from PIL import Image

from support.generator import Api, running_service, until


def test_request_without_the_token_is_refused_in_replicates_shape(service: httpx.Client) -> None:
    for headers in ({"authorization": "Bearer wrong"}, {"authorization": "Basic x"}, {"authorization": ""}):
        answer = service.get("/v1/predictions", headers=headers)

        assert answer.status_code == 401
        assert answer.json()["title"] == "Unauthenticated"
        assert answer.json()["status"] == 401


@pytest.mark.parametrize("path", ["/push/jobs", "/control/outage", "/control/reset", "/v1/predictions"])
def test_post_without_the_token_is_refused(service: httpx.Client, path: str) -> None:
    assert service.post(path, json={}, headers={"authorization": ""}).status_code == 401


def test_health_needs_no_token(service: httpx.Client) -> None:
    assert service.get("/healthz", headers={"authorization": ""}).status_code == 200


def test_create_answers_201_with_a_prediction_under_way(api: Api) -> None:
    prediction = api.created(version="v1", model="studio/pictures", input={"steps": 20})

    assert prediction["status"] in {"starting", "processing"}
    assert prediction["version"] == "v1"
    assert prediction["model"] == "studio/pictures"
    assert prediction["input"]["steps"] == 20
    assert prediction["output"] is None
    assert prediction["error"] is None
    assert prediction["completed_at"] is None
    assert prediction["urls"]["get"].endswith(f"/v1/predictions/{prediction['id']}")
    assert prediction["urls"]["cancel"].endswith(f"/v1/predictions/{prediction['id']}/cancel")
    assert "webhook" not in prediction


def test_get_ended_prediction_has_output_times_and_metrics(api: Api) -> None:
    prediction = api.ended(api.created(input={"seed": 5})["id"])

    assert prediction["status"] == "succeeded"
    assert prediction["progress"] == 1.0
    assert prediction["metrics"]["predict_time"] > 0
    assert prediction["created_at"] <= prediction["started_at"] <= prediction["completed_at"]
    assert "seed: 5" in prediction["logs"]
    assert len(prediction["output"]) == 1


def test_output_is_a_png_of_the_asked_size_that_anybody_can_fetch(api: Api) -> None:
    [url] = api.ended(api.created(input={"width": 128, "height": 72})["id"])["output"]

    answer = httpx.get(url, trust_env=False)

    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (128, 72)


def test_output_same_prompt_without_a_seed_differs(service: httpx.Client, api: Api) -> None:
    urls = [api.ended(api.created()["id"])["output"][0] for _ in range(2)]

    assert service.get(urls[0]).content != service.get(urls[1]).content


def test_output_same_seed_is_the_same_picture(service: httpx.Client, api: Api) -> None:
    urls = [api.ended(api.created(input={"seed": 3})["id"])["output"][0] for _ in range(2)]

    assert service.get(urls[0]).content == service.get(urls[1]).content


def test_output_several_are_drawn_with_different_seeds(service: httpx.Client, api: Api) -> None:
    urls = api.ended(api.created(input={"num_outputs": 3})["id"])["output"]

    assert len({service.get(url).content for url in urls}) == 3


def test_output_before_the_end_does_not_exist(service: httpx.Client, api: Api) -> None:
    prediction = api.created(simulate={"duration": 600})

    assert service.get(f"/files/{prediction['id']}/out-0.png").status_code == 404


def test_output_that_was_not_asked_for_does_not_exist(service: httpx.Client, api: Api) -> None:
    prediction = api.ended(api.created()["id"])

    for name in ("out-1.png", "out-9.png", "other.png"):
        assert service.get(f"/files/{prediction['id']}/{name}").status_code == 404


@pytest.mark.parametrize(
    ("body", "field", "kind"),
    [
        ({}, "input", "required"),
        ({"input": {}}, "input.prompt", "required"),
        ({"input": {"prompt": ""}}, "input.prompt", "string_too_short"),
        ({"input": {"prompt": "  "}}, "input.prompt", "value_error"),
        ({"input": {"prompt": "x", "width": 4096}}, "input.width", "less_than_equal"),
        ({"input": {"prompt": "x"}, "inptu": 1}, "inptu", "additional_property_not_allowed"),
        (
            {"input": {"prompt": "x", "simulate": {"outcom": 1}}},
            "input.simulate.outcom",
            "additional_property_not_allowed",
        ),
        ({"input": {"prompt": "x"}, "webhook": "ftp://x"}, "webhook", "string_pattern_mismatch"),
    ],
)
def test_create_with_a_bad_body_is_refused_and_names_the_field(
    service: httpx.Client, body: dict[str, object], field: str, kind: str
) -> None:
    answer = service.post("/v1/predictions", json=body)

    assert answer.status_code == 422
    assert answer.json()["title"] == "Input validation failed"
    assert answer.json()["status"] == 422
    assert field in answer.json()["detail"]
    assert {(each["field"], each["type"]) for each in answer.json()["invalid_fields"]} == {(field, kind)}


def test_create_with_malformed_json_is_refused(service: httpx.Client) -> None:
    assert service.post("/v1/predictions", content=b"{").status_code == 422


def test_unknown_prediction_and_path_are_404_in_replicates_shape(service: httpx.Client) -> None:
    answers = [
        service.get("/v1/predictions/none"),
        service.post("/v1/predictions/none/cancel"),
        service.get("/v1/nothing"),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert all({"title", "detail", "status"} <= answer.json().keys() for answer in answers)


def test_create_prefer_wait_answers_with_the_ended_prediction(api: Api) -> None:
    prediction = api.created(headers={"prefer": "wait=5"})

    assert prediction["status"] == "succeeded"


def test_create_prefer_wait_too_short_answers_with_what_there_is(api: Api) -> None:
    prediction = api.created(headers={"prefer": "wait=1"}, simulate={"duration": 600})

    assert prediction["status"] == "processing"
    assert 0 <= prediction["progress"] < 1


def test_cancel_running_prediction_ends_it(service: httpx.Client, api: Api) -> None:
    prediction = api.created(simulate={"duration": 600, "start_delay": 0})

    answer = service.post(f"/v1/predictions/{prediction['id']}/cancel")

    assert answer.status_code == 200
    assert answer.json()["status"] == "canceled"
    assert api.get(prediction["id"])["status"] == "canceled"
    assert api.get(prediction["id"])["output"] is None


def test_cancel_ended_prediction_changes_nothing(service: httpx.Client, api: Api) -> None:
    prediction = api.ended(api.created()["id"])

    answer = service.post(f"/v1/predictions/{prediction['id']}/cancel")

    assert answer.status_code == 200
    assert answer.json() == prediction


def test_cancel_after_running_is_canceled_and_before_the_start_aborted(api: Api) -> None:
    with running_service(speed=1.0) as client:
        quick = Api(client)
        headers = {"cancel-after": "1s"}
        running = quick.created(headers=headers, simulate={"duration": 60})
        waiting = quick.created(headers=headers, simulate={"start_delay": 60})

        assert running["deadline"] > running["created_at"]
        assert quick.ended(running["id"])["status"] == "canceled"
        assert quick.ended(waiting["id"])["status"] == "aborted"
        assert quick.ended(waiting["id"])["started_at"] is None


def test_cancel_after_shorter_than_the_minimum_is_refused() -> None:
    with running_service(minimum_deadline=5.0) as client:
        answer = Api(client).create(headers={"cancel-after": "4s"})

        assert answer.status_code == 422
        assert answer.json()["invalid_fields"][0]["field"] == "Cancel-After"


def test_list_is_newest_first_in_pages_that_lead_to_each_other() -> None:
    with running_service() as client:
        api = Api(client)
        created = [api.created(webhook=f"http://127.0.0.1:9/{n}", webhook_events_filter=[])["id"] for n in range(230)]

        pages = [client.get("/v1/predictions").json()]
        while pages[-1]["next"]:
            pages.append(client.get(pages[-1]["next"]).json())

        listed = [each["id"] for page in pages for each in page["results"]]
        assert listed == created[::-1]
        assert [len(page["results"]) for page in pages] == [100, 100, 30]
        assert pages[0]["previous"] is None
        newer = client.get(pages[1]["previous"]).json()
        assert [each["id"] for each in newer["results"]] == [each["id"] for each in pages[0]["results"]]
        assert newer["previous"] is None
        assert pages[0]["results"][0]["webhook"] == "http://127.0.0.1:9/229"
        assert client.get("/v1/predictions", params={"cursor": "garbage"}).status_code == 422


def test_two_hundred_predictions_run_at_once() -> None:
    with running_service(speed=1.0) as client, ThreadPoolExecutor(16) as pool:
        api = Api(client)
        started = time.monotonic()
        created = list(pool.map(lambda _: api.created(simulate={"duration": 1.0})["id"], range(200)))

        def all_ended() -> bool:
            pages = [client.get("/v1/predictions").json()]
            pages.append(client.get(pages[0]["next"]).json())
            return all(each["status"] == "succeeded" for page in pages for each in page["results"])

        until(all_ended, within=60)

        assert len(set(created)) == 200
        # One after the other they would take 200 seconds.
        assert time.monotonic() - started < 60
