"""The store through its routes: values under namespaces, each tenant apart."""

from typing import Any

import pytest

from support.agent_api import ask, code_of, fields_of
from support.lambdas import BOB

pytestmark = pytest.mark.usefixtures("cloud")

# A tenant whose name goes on where alice's ends.
ALICE_S_TWIN = {"sub": "user-twin", "username": "twin", "token_use": "access", "cognito:groups": "[tenant:alice2]"}


def put(namespace: list[str], key: str, value: dict[str, Any] | None = None, **parts: Any) -> None:
    body = {"namespace": namespace, "key": key, "value": {"n": 1} if value is None else value}
    answer = ask("PUT", "/store/items", body, **parts)
    assert answer.status == 204, answer.text


def get(namespace: list[str], key: str, **parts: Any) -> Any:
    return ask("GET", "/store/items", query={"namespace": ".".join(namespace), "key": key}, **parts)


def found(prefix: list[str], **wanted: Any) -> list[tuple[list[str], str]]:
    answer = ask("POST", "/store/items/search", {"namespace_prefix": prefix, **wanted})
    assert answer.status == 200, answer.text
    return [(item["namespace"], item["key"]) for item in answer.body["items"]]


def namespaces(**wanted: Any) -> list[list[str]]:
    answer = ask("POST", "/store/namespaces", wanted)
    assert answer.status == 200, answer.text
    listed: list[list[str]] = answer.body["namespaces"]
    return listed


def test_another_tenant_does_not_find_a_value() -> None:
    put(["looks"], "lamp")

    assert code_of(get(["looks"], "lamp", claims=BOB)) == (404, "ITEM_NOT_FOUND")
    assert ask("POST", "/store/items/search", {}, claims=BOB).body == {"items": []}
    assert ask("POST", "/store/namespaces", {}, claims=BOB).body == {"namespaces": []}


def test_a_tenant_whose_name_begins_with_another_s_stays_apart() -> None:
    put(["looks"], "lamp")
    put(["looks"], "chair", claims=ALICE_S_TWIN)

    assert found([]) == [(["looks"], "lamp")]
    assert namespaces() == [["looks"]]
    assert code_of(get(["looks"], "chair")) == (404, "ITEM_NOT_FOUND")


def test_another_tenant_s_deletion_leaves_a_value_alone() -> None:
    put(["looks"], "lamp")

    answer = ask("DELETE", "/store/items", {"namespace": ["looks"], "key": "lamp"}, claims=BOB)

    assert answer.status == 204
    assert get(["looks"], "lamp").status == 200


def test_a_value_that_is_missing_is_not_found() -> None:
    assert code_of(get(["looks"], "lamp")) == (404, "ITEM_NOT_FOUND")


def test_a_value_is_remembered_as_it_is() -> None:
    put(["looks", "night"], "lamp", {"light": ["warm", 2700], "on": True})

    item = get(["looks", "night"], "lamp").body

    assert (item["namespace"], item["key"]) == (["looks", "night"], "lamp")
    assert item["value"] == {"light": ["warm", 2700], "on": True}
    assert {"created_at", "updated_at"} <= set(item)


def test_a_value_takes_the_place_of_the_one_before() -> None:
    put(["looks"], "lamp", {"n": 1})
    put(["looks"], "lamp", {"n": 2})

    assert get(["looks"], "lamp").body["value"] == {"n": 2}


def test_a_forgotten_value_is_not_found() -> None:
    put(["looks"], "lamp")

    answer = ask("DELETE", "/store/items", {"namespace": ["looks"], "key": "lamp"})

    assert (answer.status, answer.text) == (204, "")
    assert get(["looks"], "lamp").status == 404


def test_a_search_finds_what_is_under_its_prefix_and_not_what_only_begins_like_it() -> None:
    put(["looks"], "a")
    put(["looks", "night"], "b")
    put(["looks2"], "c")
    put(["100%"], "d")

    assert sorted(found(["looks"])) == [(["looks"], "a"), (["looks", "night"], "b")]
    assert found(["l%"]) == []


def test_a_search_filters_by_value() -> None:
    put(["looks"], "a", {"mood": "calm"})
    put(["looks"], "b", {"mood": "wild"})

    assert found(["looks"], filter={"mood": "calm"}) == [(["looks"], "a")]
    assert found(["looks"], filter={"mood": {"$ne": "calm"}}) == [(["looks"], "b")]


def test_a_filter_with_an_operator_that_there_is_not_is_refused() -> None:
    answer = ask("POST", "/store/items/search", {"filter": {"mood": {"$like": "calm"}}})

    assert code_of(answer) == (422, "VALIDATION_ERROR")


def test_a_search_comes_in_pages() -> None:
    for key in "abc":
        put(["looks"], key)

    first, second = found(["looks"], limit=2), found(["looks"], limit=2, offset=2)

    assert len(first) == 2
    assert sorted(first + second) == [(["looks"], key) for key in "abc"]


def test_namespaces_are_listed_by_prefix_suffix_and_depth() -> None:
    put(["looks", "night", "city"], "a")
    put(["looks", "day"], "b")
    put(["sounds", "night"], "c")

    assert namespaces() == [["looks", "day"], ["looks", "night", "city"], ["sounds", "night"]]
    assert namespaces(prefix=["looks"]) == [["looks", "day"], ["looks", "night", "city"]]
    assert namespaces(suffix=["night"]) == [["sounds", "night"]]
    assert namespaces(max_depth=1) == [["looks"], ["sounds"]]
    assert namespaces(limit=1, offset=1) == [["looks", "night", "city"]]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"namespace": ["a.b"]}, "namespace.0"),
        ({"namespace": []}, "namespace"),
        ({"namespace": [""]}, "namespace.0"),
        ({"namespace": ["a"] * 11}, "namespace"),
        ({"key": ""}, "key"),
        ({"key": "a\x00"}, "key"),
        ({"value": "text"}, "value"),
        ({"value": {"a": "\x00"}}, "value"),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused_with_its_field(wrong: dict[str, Any], field: str) -> None:
    answer = ask("PUT", "/store/items", {"namespace": ["looks"], "key": "lamp", "value": {}} | wrong)

    assert fields_of(answer) == [field]


@pytest.mark.parametrize("wish", [{"ttl": 5}, {"index": ["mood"]}])
def test_what_the_store_does_not_do_is_refused(wish: dict[str, Any]) -> None:
    answer = ask("PUT", "/store/items", {"namespace": ["looks"], "key": "lamp", "value": {}} | wish)

    assert code_of(answer) == (422, "NOT_OFFERED")


def test_a_search_by_meaning_is_refused() -> None:
    assert code_of(ask("POST", "/store/items/search", {"query": "calm"})) == (422, "NOT_OFFERED")


@pytest.mark.parametrize("query", [{"namespace": "a"}, {"namespace": ".".join("abcdefghijkl"), "key": "lamp"}])
def test_a_value_is_asked_for_by_a_key_and_a_namespace_that_can_be(query: dict[str, str]) -> None:
    assert code_of(ask("GET", "/store/items", query=query)) == (422, "VALIDATION_ERROR")
