"""The visibility law of search over random worlds: hits, snippets, suggestions and has_more show exactly what the caller may
read; right after a removal, an edit or a deletion too, whether or not the index has followed.

The model knows who is in which channel since when, and what each message says now.
"""

import os

import pytest

from test_search import ask, head
from test_visibility_law import World, names

STEPS = int(os.environ.get("HEIM_LAW_STEPS", "120"))
SEEDS = int(os.environ.get("HEIM_LAW_SEEDS", "4"))
WORDS = ["alpha", "beta", "gamma", "delta", "omega"]
# The query, and whether a text of words is meant by it.
QUERIES = [(one, lambda text, one=one: one in text.split()) for one in WORDS] + [
    ("alpha beta", lambda text: {"alpha", "beta"} <= set(text.split())),
    ('"gamma delta"', lambda text: " gamma delta " in f" {text} "),
    ("ome*", lambda text: "omega" in text.split()),
    ("alpha -beta", lambda text: "alpha" in text.split() and "beta" not in text.split()),
]


class Talk(World):
    """A world whose messages say words; every text is kept as it is now."""

    def __init__(self, server, root, seed):
        super().__init__(server, root, seed)
        self.tag = next(names)  # in every message of this world, and of no other
        self.text = {}
        self.author = {}

    def words(self):
        return " ".join([self.tag, *self.chance.choices(WORDS, k=self.chance.randint(1, 4))])

    def send(self):
        room = self.chance.choice(self.rooms)
        client = self.people.get(self.pick([*room.floor, ""]), self.root)
        text = self.words()
        message = client.send(room.id, text)
        room.sent.append(message["id"])
        self.text[message["id"]] = text
        self.author[message["id"]] = client

    def edit(self):
        room = self.chance.choice(self.rooms)
        left = [one for one in room.sent if one not in room.gone]
        if not left:
            return
        one = self.chance.choice(left)
        text = self.words()
        answer = self.author[one].patch(f"/messages/{one}", {"content": text})
        if answer.ok:  # who has left the channel edits nothing there
            self.text[one] = text

    def step(self):
        doing = self.chance.choices(
            [self.send, self.edit, self.add, self.remove, self.create, self.delete, self.close],
            [50, 14, 12, 14, 4, 8, 2])[0]
        doing()

    def readable(self, name):
        """Ids and texts of what the actor may read."""
        client = self.people[name]
        return {one: self.text[one] for room in self.rooms if room.readable_by(name, client.guest)
                for one in room.history_of(name) if one not in room.gone}

    def check_now(self, name):
        """Nothing may be shown that the actor may not read or that is said no more; some may be missing."""
        query, means = self.chance.choice(QUERIES)
        client = self.people[name]
        answer = client.get("/search/messages", params={"q": f"{self.tag} {query}", "limit": 50}).json()
        readable = self.readable(name)
        for hit in answer["hits"]:
            one = hit["message"]["id"]
            assert one in readable, f"{name} finds {one}, which it may not read"
            assert hit["snippet"] == readable[one] == hit["message"]["content"]
            assert means(readable[one]), f"{name} finds {one} by what it no longer says"

    def check_all(self, name):
        """Exactly what the actor may read, page by page."""
        client, readable = self.people[name], self.readable(name)
        at = head(client)
        for query, means in QUERIES:
            wanted = {one for one, text in readable.items() if means(text)}
            for order in ("newest", "relevance"):
                got, cursor = [], ""
                while True:
                    answer = ask(client, f"{self.tag} {query}", at=at, order=order, limit=3, cursor=cursor)
                    got += [hit["message"]["id"] for hit in answer["hits"]]
                    assert answer["has_more"] == (len(got) < len(wanted)), f"{name} {query}: has_more"
                    if not answer["has_more"]:
                        break
                    cursor = answer["next_cursor"]
                assert len(got) == len(set(got)) and set(got) == wanted, f"{name} {query} {order}"
        for room in self.rooms:
            may = room.readable_by(name, client.guest)
            suggested = client.get("/search/suggestions", params={"q": f"#{room.name}", "limit": 20})
            ids = [one["channel"]["id"] for one in suggested.json()["suggestions"]]
            assert (room.id in ids) == may, f"{name} is suggested {room.name}"
            inside = ask(client, f"{self.tag} in:#{room.name}", at=at, limit=50)["hits"]
            wanted = {one for one in room.history_of(name) if one not in room.gone} if may else set()
            assert {hit["message"]["id"] for hit in inside} == wanted, f"{name} in {room.name}"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_search_shows_exactly_what_may_be_read(server, ada, seed):
    world = Talk(server, ada, seed)
    world.create()
    for _ in range(STEPS):
        world.step()
        world.check_now(world.pick())
    channels = {one["id"]: one["name"] for one in all_channels(ada)}
    for room in world.rooms:
        room.name = channels[room.id]
    for name in world.people:
        world.check_all(name)


def all_channels(client):
    cursor = ""
    while True:
        page = client.get(f"/channels?limit=200{cursor}").json()
        yield from page["channels"]
        if not page["has_more"]:
            return
        cursor = "&cursor=" + page["next_cursor"]
