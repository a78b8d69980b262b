"""The visibility law over random worlds: what an actor reads, is told of live, or gets replayed is exactly what it may see.

A naive model keeps who is in which channel. Every actor listens on a socket of its own; at the end what each heard, what a
replay from the beginning gives it and what it can read are compared with the model, message by message.
"""

import itertools
import os
import random

import pytest

STEPS = int(os.environ.get("HEIM_LAW_STEPS", "120"))
SEEDS = int(os.environ.get("HEIM_LAW_SEEDS", "4"))
names = (f"law{n}" for n in itertools.count(1))


class Room:
    def __init__(self, channel, members, public, since_joining):
        self.id = channel["id"]
        self.public = public
        self.since_joining = since_joining
        # Who is in it, with the number of messages that were there when it came, if those are hidden.
        self.floor = {}
        self.sent = []
        self.gone = set()
        for who in members:
            self.enter(who)

    def enter(self, who):
        self.floor[who] = len(self.sent) if self.since_joining else 0

    def readable_by(self, who, guest):
        return who in self.floor or (self.public and not guest)

    def history_of(self, who):
        """Ids that the actor may read, oldest first."""
        if self.since_joining and who not in self.floor:
            return []
        return self.sent[self.floor.get(who, 0):]


class World:
    """Random changes through REST, each told to the model."""

    def __init__(self, server, root, seed):
        self.chance = random.Random(seed)
        self.root = root
        self.people = {}
        for role in ("admin", "member", "member", "guest"):
            name = next(names)
            self.people[name] = server.person(root, name, role=role)
            self.people[name].guest = role == "guest"
        agent = next(names)
        self.people[agent] = server.agent(root, agent)
        self.people[agent].guest = False
        self.rooms = []
        self.heard = {name: [] for name in self.people}  # what the model says
        # What is left of the log for each after it lost channels: (room, id) while a member.
        self.told = {name: [] for name in self.people}

    def pick(self, among=None):
        return self.chance.choice(sorted(among if among is not None else self.people))

    def create(self):
        public = self.chance.random() < 0.5
        since = self.chance.random() < 0.4
        members = [name for name in sorted(self.people) if self.chance.random() < 0.5]
        made = self.root.channel(next(names), type="public" if public else "private",
                                 members=[self.people[name].id for name in members],
                                 history_visibility="since_joining" if since else "all")
        self.rooms.append(Room(made, members, public, since))

    def send(self):
        room = self.chance.choice(self.rooms)
        who = self.pick([*room.floor, ""])
        client = self.people.get(who, self.root)
        message = client.send(room.id, f"said {next(names)}")
        room.sent.append(message["id"])
        for name in room.floor:
            self.heard[name].append(message["id"])
            self.told[name].append((room, message["id"]))

    def add(self):
        room = self.chance.choice(self.rooms)
        out = [name for name in self.people if name not in room.floor]
        if not out:
            return
        who = self.pick(out)
        client = self.people[who]
        if room.public and not client.guest and self.chance.random() < 0.5:
            answer = client.post(f"/channels/{room.id}/join")
        else:
            answer = self.root.post(f"/channels/{room.id}/members", {"actor_id": client.id})
        assert answer.ok, answer.text
        room.enter(who)

    def remove(self):
        room = self.chance.choice(self.rooms)
        if not room.floor:
            return
        who = self.pick(room.floor)
        client = self.people[who]
        if self.chance.random() < 0.5:
            answer = client.post(f"/channels/{room.id}/leave")
        else:
            answer = self.root.delete(f"/channels/{room.id}/members/{client.id}")
        assert answer.ok, answer.text
        del room.floor[who]

    def delete(self):
        room = self.chance.choice(self.rooms)
        left = [one for one in room.sent if one not in room.gone]
        if left:
            gone = self.chance.choice(left)
            assert self.root.delete(f"/messages/{gone}").ok
            room.gone.add(gone)

    def close(self):
        """A public channel becomes private: who is not in it loses it."""
        room = self.chance.choice(self.rooms)
        if room.public:
            answer = self.root.patch(f"/channels/{room.id}", {"type": "private"})
            assert answer.ok, answer.text
            room.public = False

    def step(self):
        doing = self.chance.choices([self.send, self.add, self.remove, self.create, self.delete, self.close],
                                    [60, 14, 12, 4, 4, 2])[0]
        doing()


def messages_in(frames):
    return [frame["data"]["message"]["id"] for frame in frames if frame and frame["type"] == "message.new"]


def read_all(client, room):
    """Ids of the channel's history, oldest first; None when it does not exist for the caller."""
    ids, cursor = [], ""
    while True:
        answer = client.get(f"/channels/{room.id}/messages?limit=20{cursor}")
        if answer.status_code == 404:
            return None
        assert answer.ok, answer.text
        page = answer.json()
        ids += [message["id"] for message in page["messages"]]
        if not page["has_more"]:
            return ids[::-1]
        cursor = "&cursor=" + page["next_cursor"]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_everybody_sees_exactly_what_it_may(server, ada, seed):
    world = World(server, ada, seed)
    start = {name: client.get("/events/poll").json()["cursor"] for name, client in world.people.items()}
    sockets = {name: client.socket() for name, client in world.people.items()}
    try:
        for socket in sockets.values():
            socket.until("caught_up")
        world.create()
        for _ in range(STEPS):
            world.step()
        for name, client in world.people.items():
            # An event that only this one hears marks the end.
            end = client.post("/dms", {"actor_ids": [client.id]}).json()
            marker = client.send(end["id"], "the end")["id"]
            sockets[name].until(lambda f, m=marker: f["type"] == "message.new" and
                                f["data"]["message"]["id"] == m)
            assert messages_in(sockets[name].seen)[:-1] == world.heard[name], f"live: {name}"

            # Replayed: what was said while it was there, as far as it may read it still.
            want = [id_ for room, id_ in world.told[name]
                    if room.readable_by(name, client.guest) and id_ in room.history_of(name)]
            with client.socket("cursor=" + start[name]) as again:
                again.until("caught_up")
                got = [one for one in messages_in(again.seen) if one != marker]
                assert got == want, f"replay: {name}"

            for room in world.rooms:
                got = read_all(client, room)
                if room.readable_by(name, client.guest):
                    assert got == room.history_of(name), f"history: {name} {room.id}"
                else:
                    assert got is None, f"history: {name} {room.id}"
                for id_ in room.sent:
                    there = client.get(f"/messages/{id_}")
                    may = got is not None and id_ in got
                    assert there.status_code == (200 if may else 404), f"message: {name} {id_}"
                    assert may is False or bool(there.json().get("deleted_at")) == (id_ in room.gone)
    finally:
        for socket in sockets.values():
            socket.close()
