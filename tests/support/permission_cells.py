"""The cells of the table of permissions: who calls, where it stands, and what the call needs to be there.

A Row says what an RPC asks of its caller, in words of its own: it is written from the policy, not read from the
server's table, so that the two check each other.
"""

import dataclasses
import itertools
import uuid
from typing import Callable, Optional

from heim_server import PASSWORD

WORKSPACE_ROLES = ("owner", "admin", "member", "guest")
CHANNEL_ROLES = ("owner", "admin", "member", "guest", "viewer", None)
RANK = {"owner": 4, "admin": 3, "member": 2, "guest": 1}
# A channel's guest writes and reacts; its viewer only reads.
STRENGTH = {"owner": 5, "admin": 4, "member": 3, "guest": 2, "viewer": 1, None: 0}

names = (f"cell{n}" for n in itertools.count(1))


@dataclasses.dataclass(frozen=True)
class Row:
    """What an RPC asks. `make(cell)` answers the request as a dict."""

    make: Callable = lambda cell: {}
    # Least role in the workspace.
    workspace: str = "guest"
    # Least role in the channel; "readable": whoever may read it; None: not about a channel.
    channel: Optional[str] = None
    # Role in the workspace that stands in for it where the channel may be read.
    instead: Optional[str] = None
    # What a caller of too low a role in the workspace gets, when the RPC is not about a channel.
    refusal: str = "PERMISSION_DENIED"
    # Whether a call leaves everything as it was, so that the cell serves again.
    reads: bool = False
    # Scopes that a token needs beside those of the method.
    also: tuple = ()
    # (cell) -> expected code, for what the columns cannot say.
    expect: Optional[Callable] = None


class Cell:
    """A caller of a role in the workspace, with a role (or none) in a new channel; the rest is made when asked for."""

    def __init__(self, world, workspace, channel=None, private=False):
        self.world = world
        self.workspace, self.role, self.private = workspace, channel, private
        self.caller = world.people[workspace]
        self._kept = {}

    def keep(self, name, make):
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    @property
    def readable(self):
        return self.role is not None or (not self.private and self.workspace != "guest")

    def _make_channel(self):
        root = self.world.root
        made = root.channel(next(names), type="private" if self.private else "public")
        self._kept["channel"] = made
        self._kept["message"] = root.send(made["id"], "of root")["id"]
        # Its own message is written as a member; then it gets the role that the cell is about.
        at = f"/channels/{made['id']}/members"
        root.post(at, {"actor_id": self.caller.id, "role": "member"}).raise_for_status()
        self._kept["own"] = self.caller.send(made["id"], "of the caller")["id"]
        if self.role is None:
            root.delete(f"{at}/{self.caller.id}").raise_for_status()
        elif self.role != "member":
            root.patch(f"{at}/{self.caller.id}", {"role": self.role}).raise_for_status()
        return made

    @property
    def channel(self):
        return self.keep("channel", self._make_channel)["id"]

    @property
    def message(self):
        """Somebody else's message."""
        return self.channel and self._kept["message"]

    @property
    def own(self):
        """The caller's message."""
        return self.channel and self._kept["own"]

    @property
    def peer(self):
        """Another member of the channel, no more than a viewer there."""
        def add():
            self.world.root.post(f"/channels/{self.channel}/members",
                                 {"actor_id": self.world.bystander.id,
                                  "role": "viewer"}).raise_for_status()
            return self.world.bystander.id
        return self.keep("peer", add)

    @property
    def newcomer(self):
        """Somebody in the workspace who is not in the channel."""
        return self.world.newcomer.id

    @property
    def stream(self):
        """A running stream of somebody else in the channel."""
        def start():
            writer = self.world.writer()
            self.world.root.post(f"/channels/{self.channel}/members",
                                 {"actor_id": writer.id}).raise_for_status()
            return writer.post(f"/channels/{self.channel}/streams",
                               {"idle_timeout": "3600s"}).json()["id"]
        return self.keep("stream", start)

    @property
    def file(self):
        """A file that a message of the channel carries."""
        def upload():
            root = self.world.root
            made = root.http.post(root.server.url + "/api/v1/files?filename=a.txt",
                                  data=b"bytes").json()
            root.send(self.channel, "see", attachments=[{"file_id": made["id"]}])
            return made["id"]
        return self.keep("file", upload)

    @property
    def agent(self):
        """An agent of root."""
        return self.keep("agent", lambda: self.world.server.agent(self.world.root, next(names)))

    @property
    def own_agent(self):
        """An agent of the caller (of root, when the caller may have none)."""
        owner = self.world.root if self.workspace == "guest" else self.caller
        return self.keep("own_agent", lambda: self.world.server.agent(owner, next(names)))

    @property
    def person(self):
        """A new person of the workspace, a member."""
        return self.keep("person", lambda: self.world.server.person(
            self.world.root, next(names))).id

    @staticmethod
    def fresh():
        return next(names)

    @staticmethod
    def key():
        return str(uuid.uuid4())


class World:
    """A server with one person of each role; `root` owns everything else."""

    def __init__(self, server, root):
        self.server, self.root = server, root
        self.people = {role: server.person(root, next(names), role=role)
                       for role in WORKSPACE_ROLES}
        self.bystander = server.person(root, next(names))
        self.newcomer = server.person(root, next(names))
        self.workspace = root.get("/workspaces").json()["workspaces"][0]["id"]
        self.password = PASSWORD
        self._tokens = {}
        self._writers = 0
        self._writer = None

    def writer(self):
        """Opens streams: another actor before one has as many as it may."""
        if self._writers % 60 == 0:
            self._writer = self.server.agent(self.root, next(names))
        self._writers += 1
        return self._writer

    def token(self, person, scopes):
        """A personal token of the person with exactly these scopes; None when it may not have them."""
        key = (person.id, tuple(sorted(scopes)))
        if key not in self._tokens:
            answer = person.post("/auth/tokens", {"label": "cell", "scopes": sorted(scopes)})
            self._tokens[key] = answer.json()["api_key"] if answer.ok else None
        return self._tokens[key]


def expected(row, cell):
    """The code that the policy says."""
    if row.expect is not None:
        return row.expect(cell)
    if row.channel is None:
        return "OK" if RANK[cell.workspace] >= RANK[row.workspace] else row.refusal
    if not cell.readable:
        return "NOT_FOUND"
    if RANK[cell.workspace] < RANK[row.workspace]:
        return "PERMISSION_DENIED"
    if row.channel == "readable" or STRENGTH[cell.role] >= STRENGTH[row.channel]:
        return "OK"
    if row.instead is not None and RANK[cell.workspace] >= RANK[row.instead]:
        return "OK"
    return "PERMISSION_DENIED"
