"""What schemathesis cannot know from the document."""

import json
import os
import urllib.request

import schemathesis

NOBODY = "00000000-0000-7000-8000-000000000000"


def own_id() -> str:
    request = urllib.request.Request(
        os.environ["SERVER_URL"] + "/v1/auth/me",
        headers={"Authorization": "Bearer " + os.environ["ADMIN_TOKEN"]},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["id"]


OWN_ID = own_id()


@schemathesis.hook
def before_call(context, case, kwargs):
    # Without the account that it works with, it would see nothing but 401.
    if case.method in ("PATCH", "DELETE") and case.path_parameters.get("user") == OWN_ID:
        case.path_parameters["user"] = NOBODY
    if case.meta is not None and case.meta.generation.mode.is_positive and case.query:
        mend(case.query)


def mend(query):
    """Four rules of queries that OpenAPI cannot state. tests/api tries them."""
    # A cursor is opaque: a made-up one is none of ours.
    query.pop("cursor", None)
    # `fields` leaves out members that the answer's schema requires.
    query.pop("fields", None)
    # These are for the working view only.
    if "status" in query or "assignee" in query or str(query.get("sort", "")).endswith("created_at"):
        query["view"] = "working"
    # In the live view a range of dates goes with the order by that date, and one of the two dates at a time.
    if query.get("view") != "working" and any(name in query for name in ("published_after", "published_before", "updated_after")):
        by_publication = "published_after" in query or "published_before" in query
        if by_publication:
            query.pop("updated_after", None)
        if not str(query.get("sort", "")).endswith("published_at" if by_publication else "updated_at"):
            query.pop("sort", None)


# Why a body that fits its schema may still be refused: what it names does not exist, is named twice (by id and by slug),
# stands below itself, contradicts itself, is a poor secret or the wrong one, or is one too many.
BEYOND_SCHEMA = {"unknown", "repeated", "cyclic", "ambiguous", "weak_password", "wrong_password", "too_many"}
# A schedule that says nothing, or a time that is no time, has passed, or does not fit the others or the story.
BEYOND_SCHEMA |= {"empty", "unclear_time", "past", "too_early", "not_live", "embargoed"}

# A key that ends before it begins, comes from nowhere, or would have what its maker has not.
BEYOND_SCHEMA |= {"no_network", "not_yours"}

# A search without a word or with an open quotation mark, and a code that is not that of the app.
BEYOND_SCHEMA |= {"no_words", "too_many_words", "misplaced_or", "unclosed_quote", "wrong_code"}


@schemathesis.check
def schema_states_all_it_can(ctx, response, case):
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 422:
        return
    for breach in response.json().get("errors", []):
        # `custom` is any JSON; how large, how deep and of which characters is said in words.
        # Which members an operation of a batch takes depends on its `op`, which is said in words, too.
        free = breach.get("pointer", "").startswith(("/custom", "/operations/"))
        assert free or breach["code"] in BEYOND_SCHEMA, f"refused by a rule that the contract's schema should state: {breach}"
