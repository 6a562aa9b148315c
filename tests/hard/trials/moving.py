"""Growing out of one machine: SQLite to PostgreSQL and back by export and import; every answer is the same, byte for byte."""

from ledger import Ledger
from machine import Folder, Newsroom, Postgres, Settings, founded


def run(report):
    promise = report.promise("SQLite to PostgreSQL to SQLite: every answer of both views byte-equal")
    with Folder() as folder:
        for name in ("first", "second", "third"):
            (folder / name).mkdir()
        with founded(folder / "first") as first:
            if first.command("export", "--help").returncode != 0:
                return promise.skip("this program has no export")
            write_all_kinds(first)
            asked = addresses(first)
            before = answers(first, asked)
            exported = folder / "first.ndjson"
            done = first.command("export", str(exported))
            if not promise.holds(done.returncode == 0, f"no export: {done.stderr}"):
                return
            first.stop()
            with Postgres(folder).start() as postgres:
                if not moved(Newsroom(folder / "second", postgres.url), exported, asked, before, promise, "PostgreSQL"):
                    return
                again = folder / "second.ndjson"
                done = Newsroom(folder / "second", postgres.url).command("export", str(again))
                promise.holds(done.returncode == 0, f"no export from PostgreSQL: {done.stderr}")
            moved(Newsroom(folder / "third"), again, asked, before, promise, "SQLite again")
            promise.note(f"{len(asked)} addresses, {exported.stat().st_size} bytes of export")


def moved(room, exported, asked, before, promise, where):
    done = room.command("import", str(exported))
    if not promise.holds(done.returncode == 0, f"{where}: no import: {done.stderr}"):
        return False
    with room:
        room.start()
        after = answers(room, asked)
        for address, answer in before.items():
            promise.holds(after[address] == answer, f"{where}: {address} answers {after[address]}, before {answer}")
        room.stop()
    return True


def write_all_kinds(room):
    """Stories in every state, with what can stand beside them."""
    ledger = Ledger(2, 5)
    with room.client() as client:
        for _ in range(400 if Settings.long else 80):
            for writer in ledger.writers:
                writer.one(client)
        stories = []
        for number in range(8):
            body = {
                "title": f"Año {number}: “quotes”, 日本 & <b>", "subtitle": "Under it", "lead": "A *lead*.", "language": "es" if number % 2 else "en",
                "body": "## Head\n\n> Quote\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nA note[^1].\n\n[^1]: Here.\n",
                "dateline": {"text": "Guatemala City", "city": "Guatemala City", "country_code": "GT"}, "custom": {"n": 1.5e3, "deep": [None, {"x": True}]},
                "image": {"url": "https://img.example/a.jpg", "alt": "A", "width": 800, "height": 600}, "seo": {"title": "T"},
                "authors": ["bo", "ana"], "tags": ["water", "courts"],
            }  # fmt: skip
            stories.append(client.post("/v1/articles", body, Revision_Note="first").must(201).json["id"])

        def step(number, name, body=None):
            client.post(f"/v1/articles/{stories[number]}/{name}", body or {}, If_Match="*").must(200)

        for number in (0, 1, 2, 3, 4):
            step(number, "publish")
        client.patch(f"/v1/articles/{stories[1]}", {"slug": "another-slug", "title": "Edited since"}, If_Match="*").must(200)
        step(1, "publish", {"minor": True})
        client.patch(f"/v1/articles/{stories[1]}", {"lead": "Not out yet"}, If_Match="*").must(200)
        client.post(f"/v1/articles/{stories[2]}/corrections", {"kind": "correction", "note": "It was Tuesday."}, If_Match="*").must(201)
        step(3, "kill", {"reason": "It was wrong."})
        step(4, "unpublish")
        step(5, "submit", {"comment": "Please look."})
        step(6, "schedule", {"publish_at": "2097-01-01T09:00:00Z"})
        client.delete(f"/v1/articles/{stories[7]}", If_Match="*").must(204)


def addresses(room):
    """Of each story in all forms, and of all lists."""
    asked = ["/v1/authors", "/v1/tags", "/v1/trash?limit=100", "/v1/schedule", "/v1/users", "/v1/authors?view=working", "/v1/articles/another-slug"]
    asked += [f"/v1/authors/{slug}" for slug in ("ana", "bo")] + [f"/v1/tags/{slug}" for slug in ("courts", "transit", "water")]
    forms = "formats=html,markdown,text,blocks"
    for sort in ("-published_at", "title"):
        asked.append(f"/v1/articles?limit=100&sort={sort}&{forms}&count=true")
    asked += ["/v1/articles?tag=water&author=ana", "/v1/articles?language=es", "/v1/articles?limit=100&exclude_tag=water"]
    with room.client() as client:
        cursor = ""
        while cursor is not None:
            page = client.get(f"/v1/articles?view=working&limit=100&sort=-updated_at{cursor}").must(200).json
            asked.append(f"/v1/articles?view=working&limit=100&sort=-updated_at{cursor}")
            for item in page["items"]:
                path = f"/v1/articles/{item['id']}"
                asked += [f"{path}?{forms}", f"{path}?view=working&{forms}", f"{path}/revisions?limit=100", f"{path}/revisions/1", f"{path}/comments", f"/v1/articles/{item['slug']}"]
            cursor = f"&cursor={page['page']['next_cursor']}" if page["page"].get("next_cursor") else None
    return asked


def answers(room, asked):
    """As an editor sees it, and as a stranger does."""
    found = {}
    room.sign_in()
    with room.client() as client, room.stranger() as stranger:
        for address in asked:
            one, other = client.get(address), stranger.get(address)
            found[address] = (one.status, one.body, one.etag, other.status, other.body if other.status < 400 else b"", other.etag)
    return found
