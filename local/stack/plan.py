"""What stack to start. It is apart from the stack's pieces, so that a command that starts none imports none of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from local.stack import azurite
from local.stack.app_settings import Graph

# The emulator's people. The first is the default account; the second is there for `--user`.
PEOPLE = ("sam@example.com", "kim@example.com")
# What the application runs on.
STAND_IN, CORE_TOOLS = "stand-in", "func"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPlan:
    """How people sign in. *client_id*: the registration of a public client at Entra; empty for the stand-in."""

    client_id: str = ""
    tenant: str = "common"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What stack to start. *graph* None: the To Do emulator. *durable*: what is stored outlives the stack.

    *storage_ports*: fixed ports, for clients that use only Azurite's published ports and key. *people*: the accounts of
    the emulator, the default one first. *keep_content*: whether it keeps the content of files, and not only their
    SHA-256. *settings* override the application's.
    """

    graph: Graph | None = None
    durable: bool = False
    lease_seconds: int | None = None
    duplicate_events: int = 0
    todo_port: int = 0
    storage_ports: azurite.Ports | None = None
    published_limits: bool = False
    faults: Sequence[str] = ()
    behaviours: Sequence[str] = ()
    sign_in: SignInPlan | None = None
    people: Sequence[str] = PEOPLE
    keep_content: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    host: str = STAND_IN
