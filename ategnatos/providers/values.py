"""What a provider is asked and what it answers, as plain values. Money is Decimal US dollars.

Whatever was not clearly said is unknown, and unknown is still billing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

# Every machine of ours bears a name that begins so; an orphan is known by it.
LABEL_PREFIX = "ateg-"
HOURS_A_MONTH = Decimal(730)


class State(StrEnum):
    """Where a machine stands: PENDING -> RUNNING -> STOPPING -> TERMINATED, or UNKNOWN.

    STOPPING is everything that no longer works and is not gone: on its way out, halted, outbid,
    exited. Its disk bills. UNKNOWN is what nobody said clearly; it counts as billing in full.
    TERMINATED alone bills nothing, and is believed of a machine only after two looks.
    """

    PENDING = "pending"
    RUNNING = "running"
    STOPPING = "stopping"
    TERMINATED = "terminated"
    UNKNOWN = "unknown"

    @property
    def bills(self) -> bool:
        """Whether it may cost money."""
        return self is not State.TERMINATED


class Kind(StrEnum):
    """Why a provider said a definite no."""

    CAPACITY = "capacity"
    """Nothing of the kind is free, or the offer is taken: try the next."""
    AUTH = "auth"
    """The key is wrong, or may not do this."""
    BALANCE = "balance"
    """The account has no money, or no valid way of paying."""
    QUOTA = "quota"
    """The account's own limit is reached."""
    REQUEST = "request"
    """The request is wrong, or the provider has no such thing; asking again changes nothing."""
    BUSY = "busy"
    """Asked too often (429): nothing was done, and it may be asked again after ``wait``."""
    BLOCKED = "blocked"
    """Something before the provider refused (a firewall's page), not the provider itself."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is true of a provider whatever is rented there; said without any work.

    ``unit_seconds`` is the smallest time that is billed. ``visible_seconds`` is the longest that a
    machine may stay out of the list after its create was accepted; ``list_seconds`` the pause
    between two looks at the list. ``boot_seconds`` is when one that does not come up is given up.
    ``self_end`` is a command for a POSIX shell *on the machine* that ends it with a key of its own;
    "" where there is no such key. ``self_end_sure`` is False where nobody has seen it work.
    ``cap_hint`` says how to set the provider's own limit of spending. ``runs_start`` is whether it
    runs :attr:`Intent.start` by itself; where not, a create with such a script is refused, and
    who wants it run does that over ssh.
    """

    bills: bool
    unit_seconds: int = 60
    visible_seconds: float = 180.0
    list_seconds: float = 10.0
    boot_seconds: float = 900.0
    stops: bool = False
    bids: bool = False
    self_end: str = ""
    self_end_sure: bool = False
    cap_hint: str = ""
    runs_start: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for. None: it does not matter. ``vram_gb`` is that of one GPU.

    ``gpu`` is part of a GPU's name, in any case ("4090"). ``max_price`` is USD an hour for the
    whole machine with ``disk_gb`` of disk. ``bid`` asks for interruptible machines.
    """

    gpu: str | None = None
    count: int = 1
    vram_gb: float | None = None
    max_price: Decimal | None = None
    region: str | None = None
    disk_gb: int = 60
    bid: bool = False
    limit: int = 40


@dataclass(frozen=True, slots=True)
class Offer:
    """Something to rent. ``price`` is USD an hour for the machine, GPUs of it together.

    ``disk_price`` is USD for a GB and month of disk beside ``price``; ``disk_gb`` what is
    in ``price`` already. ``down_price`` and ``up_price`` are USD for a GB of traffic. ``left`` is
    how much there is, in the provider's words; ``available`` is False where it says none.
    ``details`` are JSON values that :meth:`Provider.create` needs again.
    """

    provider: str
    id: str
    gpu: str
    gpu_count: int
    vram_gb: float
    price: Decimal
    region: str = ""
    available: bool = True
    left: str = ""
    bid: bool = False
    disk_gb: float = 0.0
    disk_price: Decimal = Decimal(0)
    down_price: Decimal = Decimal(0)
    up_price: Decimal = Decimal(0)
    cpu_cores: float | None = None
    memory_gb: float | None = None
    cuda: str = ""
    driver: str = ""
    down_mbps: float | None = None
    reliability: float | None = None
    max_hours: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def hourly(self, disk_gb: float = 0) -> Decimal:
        """USD an hour with ``disk_gb`` of disk; traffic comes on top."""
        extra = max(Decimal(0), Decimal(str(disk_gb)) - Decimal(str(self.disk_gb)))
        return self.price + extra * self.disk_price / HOURS_A_MONTH

    def cost(
        self, hours: Decimal, *, disk_gb: float = 0, down_gb: float = 0, up_gb: float = 0
    ) -> Decimal:
        """USD for ``hours`` with that disk and traffic."""
        traffic = Decimal(str(down_gb)) * self.down_price + Decimal(str(up_gb)) * self.up_price
        return self.hourly(disk_gb) * hours + traffic


@dataclass(frozen=True, slots=True)
class Intent:
    """One machine to create. ``label`` is unique for ever: no other send ever bears it.

    ``run`` and ``attempt`` make it (``ateg-r7f3c2-a1``). ``public_key`` is one line of an OpenSSH
    public key made for this machine alone. ``start`` is a POSIX shell script that the machine runs
    when it comes up, where ``Terms.runs_start``. ``bid`` is USD an hour; None rents at the
    offer's price. ``ports`` are what must be reachable beside ssh; none by default (a tunnel).
    """

    label: str
    run: str
    offer: Offer
    public_key: str
    disk_gb: int = 60
    image: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    start: str = ""
    bid: Decimal | None = None
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Created:
    """The machine exists and bills. ``fault`` is why it will not run and must be ended, or ""."""

    id: str
    rate: Decimal | None = None
    said: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A definite no: nothing was made, nothing bills. ``wait``: seconds until it may be asked."""

    kind: Kind
    said: str
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, and nobody knows what came of it. Nothing may be sent again before a look."""

    said: str


Creation = Created | Refused | Unknown


@dataclass(frozen=True, slots=True)
class SshPlace:
    """Where sshd listens. ``way``: direct, or proxy through the provider's gateway.

    ``host_keys`` are lines as in known_hosts without the host (``ssh-ed25519 AAAA...``), where
    the provider says them; empty: pin on first contact.
    """

    host: str
    port: int
    user: str
    way: str = "direct"
    host_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Instance:
    """One machine as its provider sees it now. ``rate`` is USD an hour now, None if not said.

    ``raw`` is the provider's own word for the state. ``hopeless`` is why it will never run by
    itself (end it and take another), or "". ``host`` names the physical machine, to avoid it.
    ``ssh`` are the places to try, best first; empty while there is none.
    """

    provider: str
    id: str
    label: str
    state: State
    raw: str = ""
    said: str = ""
    hopeless: str = ""
    rate: Decimal | None = None
    gpu: str = ""
    gpu_count: int = 0
    region: str = ""
    host: str = ""
    started: datetime | None = None
    bid: bool = False
    ssh: tuple[SshPlace, ...] = ()

    @property
    def name(self) -> str:
        """``runpod:7h9k2m4n6p``, as timers and the record call it."""
        return f"{self.provider}:{self.id}"


@dataclass(frozen=True, slots=True)
class Bill:
    """What the provider's own books say of a machine. ``billed`` None: it does not say (yet)."""

    billed: Decimal | None
    said: str
    lines: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Leftover:
    """What bears our name and outlives the machines. ``monthly`` USD; None: price not known.

    ``kind``: volume, filesystem, key, instance. ``size_gb`` where it has one. ``ours`` is False
    where the provider gives such things no name: it is shown, and never removed.
    """

    provider: str
    kind: str
    id: str
    name: str
    monthly: Decimal | None
    size_gb: float | None = None
    said: str = ""
    ours: bool = True

    @property
    def bills(self) -> bool:
        """Whether it may cost money; an unknown price may."""
        return self.monthly is None or self.monthly > 0


@dataclass(frozen=True, slots=True)
class Account:
    """Who the key belongs to. ``balance`` is USD that is left; None where it is not said."""

    balance: Decimal | None
    said: str = ""
