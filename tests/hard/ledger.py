"""What clients were told, and whether the database still says the same.

Each writer has stories of its own, so the ledger knows exactly what must be there: the last state that was acknowledged, or, of a request
that was under way when the server went, the state before it or the one after it, whole.
"""

import random
import time
import uuid
from dataclasses import dataclass, field, replace

FIELDS = "a.id, a.version, a.title, coalesce(p.title, ''), coalesce(p.version, 0), CASE WHEN a.deleted_at IS NULL THEN 0 ELSE 1 END"
STORIES = f"SELECT {FIELDS} FROM articles a LEFT JOIN published_articles p ON p.article_id = a.id"


@dataclass(frozen=True)
class State:
    """A story as it stands: its version and title, those of its live copy (0 and none without one), and whether it is in the trash."""

    version: int
    title: str
    live_title: str = ""
    live_version: int = 0
    deleted: bool = False

    @classmethod
    def of_row(cls, row):
        _, version, title, live_title, live_version, deleted = row
        return cls(int(version), title, live_title, int(live_version), int(deleted) == 1)


@dataclass
class Story:
    id: str
    state: State
    etag: str | None = None


@dataclass
class Pending:
    """A request whose answer never came."""

    story: Story | None
    after: State
    key: str | None = None
    body: dict | None = None
    asked: float = field(default_factory=time.monotonic)


class Writer:
    """One client that creates, edits, publishes and throws away, one request after the other, and remembers every answer."""

    def __init__(self, number, seed):
        self.number = number
        self.dice = random.Random(seed * 1000 + number)
        self.stories = []
        self.pending = None
        self.unsure = []
        self.undecided_creates = []
        self.steps = 0
        self.acknowledged = 0
        self.refused = 0
        self.history = []  # what was acknowledged, in order: when it was asked and answered, of which story, and its state after it
        self.wrong = []

    def writes(self, client, go_on):
        """Writes until `go_on` says no or the connection breaks."""
        while go_on():
            try:
                self.one(client)
            except OSError:
                return

    def one(self, client):
        self.steps += 1
        if self.pending:  # the answer to the last request never came
            self.unsure.append(self.pending)
            self.pending = None
        # What stands in doubt is left alone until the next look at the database.
        doubted = [pending.story for pending in self.unsure]
        open_stories = [story for story in self.stories[-12:] if not story.state.deleted and story not in doubted]
        roll = self.dice.random()
        if not open_stories or roll < 0.4:
            return self.create(client)
        story = self.dice.choice(open_stories)
        if story.etag is None:
            answer = client.get(f"/v1/articles/{story.id}?view=working&fields=version")
            if not answer.is_yes:
                return self.not_done(answer)
            story.etag = answer.etag
        if roll < 0.7:
            return self.patch(client, story)
        if roll < 0.92:
            return self.publish(client, story)
        return self.delete(client, story)

    def title(self):
        return f"writer {self.number} step {self.steps} {self.dice.randrange(10**9)}"

    def create(self, client):
        title, key = self.title(), str(uuid.uuid4())
        body = {"title": title, "lead": "A lead. " * 10, "body": "Words and *more* words.\n\n" * 20, "authors": ["ana", "bo"], "tags": ["courts", "transit"]}
        self.pending = Pending(None, State(1, title), key, body)
        answer = client.post("/v1/articles", body, Idempotency_Key=f'"{key}"')
        if answer.status == 201:
            self.stories.append(Story(answer.json["id"], self.pending.after, answer.etag))
            return self.done(self.stories[-1])
        return self.not_done(answer)

    def patch(self, client, story):
        title, before = self.title(), story.state
        body = {"title": title, "tags": self.dice.choice((["courts", "transit"], ["water", "courts"]))}
        self.pending = Pending(story, replace(before, version=before.version + 1, title=title))
        return self.take(story, client.patch(f"/v1/articles/{story.id}", body, If_Match=story.etag), 200)

    def publish(self, client, story):
        before = story.state
        version = before.version + 1
        after = replace(before, version=version, live_title=before.title, live_version=version)
        if before.live_version == before.version:  # nothing to publish: the answer is a yes, and nothing is written
            after = before
        self.pending = Pending(story, after)
        return self.take(story, client.post(f"/v1/articles/{story.id}/publish", {}, If_Match=story.etag), 200)

    def delete(self, client, story):
        before = story.state
        self.pending = Pending(story, replace(before, version=before.version + 1, live_title="", live_version=0, deleted=True))
        return self.take(story, client.delete(f"/v1/articles/{story.id}", If_Match=story.etag), 204)

    def take(self, story, answer, expected):
        if answer.status != expected:
            return self.not_done(answer)
        story.state, story.etag = self.pending.after, answer.etag
        return self.done(story)

    def done(self, story):
        self.history.append((self.pending.asked, time.monotonic(), story.id, story.state))
        self.pending = None
        self.acknowledged += 1
        return True

    def not_done(self, answer):
        """A refusal. One that says "come back" may still have been stored, whole: the next look at the database settles it."""
        if answer.is_busy:
            self.refused += 1
            self.unsure += [self.pending] if self.pending else []
        else:
            self.wrong.append(f"{answer.status}: {answer.text[:200]}")
        self.pending = None
        return False


class Ledger:
    """All writers of a trial. `rows(statement)` asks the database."""

    def __init__(self, writers, seed=1):
        self.writers = [Writer(number, seed) for number in range(writers)]

    @property
    def acknowledged(self):
        return sum(writer.acknowledged for writer in self.writers)

    @property
    def refused(self):
        return sum(writer.refused for writer in self.writers)

    def compare(self, rows, promise, client):
        """Holds every story against what was acknowledged, and settles what was under way. `client` reaches the server that is up again."""
        found = {row[0]: State.of_row(row) for row in rows(STORIES)}
        unknown = dict(found)
        for writer in self.writers:
            for wrong in writer.wrong:
                promise.lost(f"a writer was answered {wrong}")
            writer.wrong = []
            self._settle(writer, found, promise)
            for story in writer.stories:
                unknown.pop(story.id, None)
                state = found.get(story.id)
                if state != story.state:
                    promise.lost(f"acknowledged {story.state} of {story.id}, found {state}")
                    story.state, story.etag = state or story.state, None
        self._creates(unknown, promise, client)

    def _settle(self, writer, found, promise):
        """What was under way on a story that was there before: the old state or the new one."""
        undecided = [*writer.unsure, *([writer.pending] if writer.pending else [])]
        for pending in undecided:
            if pending.story and found.get(pending.story.id) == pending.after:
                pending.story.state, pending.story.etag = pending.after, None
        writer.undecided_creates = [pending for pending in undecided if pending.story is None]
        writer.unsure, writer.pending = [], None

    def _creates(self, unknown, promise, client):
        """Stories nobody was told of: only such as were asked for, and the same request sent again answers them, not a second one."""
        by_title = {state.title: id for id, state in unknown.items()}
        for writer in self.writers:
            for pending in writer.undecided_creates:
                was_stored = by_title.pop(pending.after.title, None)
                answer = client.post("/v1/articles", pending.body, Idempotency_Key=f'"{pending.key}"')
                if answer.status != 201:
                    promise.lost(f"a create sent again was answered {answer.status}: {answer.text[:200]}")
                    continue
                id = answer.json["id"]
                if was_stored and (id != was_stored or answer.headers.get("idempotency-replayed") != "true"):
                    promise.lost(f"a create that was stored as {was_stored} was answered as {id} when sent again")
                writer.stories.append(Story(id, pending.after, answer.etag))
                writer.acknowledged += 1
            writer.undecided_creates = []
        for title, id in by_title.items():
            promise.lost(f"nobody asked for {title} ({id})")
