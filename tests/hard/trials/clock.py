"""Clock jumps are harmless: what is published stays published, what came out by schedule stays out, versions only grow."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

from machine import Folder, Newsroom, Settings, wait_until


def run(report):
    promise = report.promise("the clock jumps forward and back: publish state never reverts")
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        return promise.skip("libfaketime is missing")
    for _ in range(5 if Settings.long else 1):
        with Folder() as folder:
            jumps(folder, found[0], promise)


class Clock:
    """The time that the program sees, in hours from now."""

    def __init__(self, folder):
        self.file, self.shift = folder / "clock", 0.0
        self.set(0)

    def set(self, hours):
        self.shift = hours
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{hours * 3600:+.0f}\n")
        fresh.rename(self.file)

    def in_hours(self, hours):
        moment = datetime.now(timezone.utc) + timedelta(hours=self.shift + hours)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def jumps(folder, library, promise):
    clock = Clock(folder)
    room = Newsroom(
        folder,
        LD_PRELOAD=library,
        FAKETIME_TIMESTAMP_FILE=clock.file,
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    with room:
        room.found().start()
        story = {name: draft(room, name) for name in ("at-once", "to-come", "to-go")}
        step(room, story["at-once"], "publish", {})
        step(room, story["to-go"], "publish", {})
        step(room, story["to-come"], "schedule", {"publish_at": clock.in_hours(2)})
        step(room, story["to-go"], "schedule", {"unpublish_at": clock.in_hours(4)})
        seen = {}
        public = {"at-once": 200, "to-come": 404, "to-go": 200}
        look(room, public, seen, promise, "before any jump")
        # Hours from now, and what the public sees then and from then on.
        for hours, change in ((-48, {}), (1, {}), (3, {"to-come": 200}), (-24, {}), (3, {}), (5, {"to-go": 404}), (-240, {}), (0, {}), (24 * 400, {}), (0, {})):
            clock.set(hours)
            public |= change
            room.sign_in()  # a token of another time may not count any more
            wait_until(lambda: as_expected(room, public), 3)
            look(room, public, seen, promise, f"{hours:+} h")
            # Editors go on working, whatever the clock says.
            with room.client() as client:
                path = f"/v1/articles/{story['at-once']}"
                answer = client.patch(path, {"lead": f"at {hours}"}, If_Match="*")
                promise.holds(answer.status == 200, f"{hours:+} h: an edit was answered {answer.status}: {answer.text[:200]}")
                answer = client.post(f"{path}/publish", {}, If_Match="*")
                promise.holds(answer.status == 200, f"{hours:+} h: to publish was answered {answer.status}: {answer.text[:200]}")
                promise.holds(client.get(path).json["lead"] == f"at {hours}", f"{hours:+} h: what was published is not live")
        room.stop()
        clock.set(-100)
        room.start()
        room.sign_in()
        look(room, public, seen, promise, "after a restart in the past")


def draft(room, slug):
    with room.client() as client:
        return client.post("/v1/articles", {"title": slug, "slug": slug}).must(201).json["id"]


def step(room, id, name, body):
    with room.client() as client:
        client.post(f"/v1/articles/{id}/{name}", body, If_Match="*").must(200)


def as_expected(room, public):
    with room.stranger() as client:
        return all(client.get(f"/v1/articles/{slug}").status == status for slug, status in public.items())


def look(room, public, seen, promise, when):
    with room.client() as client, room.stranger() as stranger:
        for slug, status in public.items():
            got = stranger.get(f"/v1/articles/{slug}").status
            promise.holds(got == status, f"{when}: {slug} is {got} to the public, not {status}")
            working = client.get(f"/v1/articles/{slug}?view=working").must(200).json
            promise.holds(working["version"] >= seen.get(slug, 0), f"{when}: {slug} went from version {seen.get(slug)} to {working['version']}")
            seen[slug] = working["version"]
        listed = {item["slug"] for item in stranger.get("/v1/articles").must(200).json["items"]}
        live = {slug for slug, status in public.items() if status == 200}
        promise.holds(listed == live, f"{when}: the list shows {sorted(listed)}, not {sorted(live)}")
