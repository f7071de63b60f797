"""What people do with runs, in one room for whoever calls: order, stop, go on, the line."""

from ategnatos.train.run.attending import attend, queue
from ategnatos.train.run.going_on import Resumed, newest, resume, take_up
from ategnatos.train.run.halting import stop
from ategnatos.train.run.ordering import (
    RUN_BUSY,
    RUN_GPU,
    RUN_STATE,
    RUN_TIMER,
    Require,
    Start,
    allowed,
    gpu_of,
    number_of,
    order,
    start,
    timed,
    waits,
)

__all__ = [
    "RUN_BUSY",
    "RUN_GPU",
    "RUN_STATE",
    "RUN_TIMER",
    "Require",
    "Resumed",
    "Start",
    "allowed",
    "attend",
    "gpu_of",
    "newest",
    "number_of",
    "order",
    "queue",
    "resume",
    "start",
    "stop",
    "take_up",
    "timed",
    "waits",
]
