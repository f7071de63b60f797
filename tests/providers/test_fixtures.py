"""What was recorded of each provider agrees with its own OpenAPI document, and so do the fakes."""

from __future__ import annotations

import pytest

from tests.providers.clouds import openapi, recorded

PROVIDERS = ("runpod", "vastai", "lambda_cloud")
# Errors whose exact shape nobody has documented; each says so in its "confidence".
UNDOCUMENTED = {
    ("vastai", "no_credit"),
    ("vastai", "create_error_but_created"),
    ("vastai", "search_quota"),
    ("vastai", "rate_limited_text"),
    ("lambda_cloud", "rate_limited"),
    ("lambda_cloud", "cloudflare_1010"),
    ("lambda_cloud", "launch_503_but_created"),
}
ALL = [(provider, name) for provider in PROVIDERS for name in recorded.fixtures(provider)]


@pytest.mark.parametrize(("provider", "name"), ALL)
def test_a_recorded_request_and_its_answer_are_as_the_document_says(provider, name):
    one = recorded.fixtures(provider)[name]
    asked, answered = one["request"], one["response"]
    path = asked["path"]
    wrong = openapi.wrong_request(
        provider, asked["method"], path, asked.get("query", {}), asked.get("json")
    )
    if (provider, name) not in UNDOCUMENTED:
        wrong += openapi.wrong_answer(
            provider, asked["method"], path, answered["status"], answered["body"]
        )
    # Of the exhausted quota the answer was recorded alone.
    assert [line for line in wrong if name != "search_quota"] == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_document_would_notice_what_is_wrong(provider):
    """A field that RunPod does not know, a type that Vast and Lambda do not take."""
    path, method, body = {
        "runpod": ("/v2/pods", "POST", {"name": "a", "image": "b", "interruptible": True}),
        "vastai": ("/api/v0/asks/1/", "PUT", {"image": 5}),
        "lambda_cloud": ("/api/v1/instance-operations/launch", "POST", {"name": 5}),
    }[provider]
    assert openapi.wrong_request(provider, method, path, {}, body)
    assert openapi.wrong_request(provider, "GET", "/nowhere", {}, None)
