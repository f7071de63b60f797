"""What the adapters of rented machines share: asking with a key, and verbs that follow from others.

An adapter says how its provider is asked and how its answers read; the rest follows here.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.budget.teardown import Ending, Look, Outcome
from ategnatos.providers import answers
from ategnatos.providers.values import (
    LABEL_PREFIX,
    Instance,
    Kind,
    Refused,
    SshPlace,
    State,
    Unknown,
)
from ategnatos.providers.web import Answer, NoAnswer, Web, base_url

if TYPE_CHECKING:
    import httpx

# Seconds for the whole of one request, by verb. A create is given time: what it answers late is
# worth more than a search for what it made.
LIMITS: Mapping[str, float] = {
    "offers": 30.0,
    "create": 120.0,
    "list": 15.0,
    "get": 15.0,
    "stop": 20.0,
    "terminate": 20.0,
    "admit": 20.0,
    "billing": 30.0,
    "remove": 20.0,
}


class Adapter(ABC):
    """One provider behind HTTP. ``address`` and ``key`` are for tests; without them the
    environment and ``guard.secrets`` say.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    secret: ClassVar[str]
    """The credential's name in the knowledge base."""
    address: ClassVar[str]
    address_variable: ClassVar[str]

    def __init__(
        self,
        address: str | None = None,
        key: Callable[[], str] | None = None,
        *,
        limits: Mapping[str, float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        pace: Callable[[str, str], None] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._transport = transport
        self._given = (address, key)
        self._limits = {**LIMITS, **(limits or {})}
        self._sleep = sleep
        self._pace = pace
        self._opened: Web | None = None

    @property
    def web(self) -> Web:
        """Requests to the provider; nothing is opened before the first. Raises StudioError
        (``secret_missing`` at a request, ``provider_address``).
        """
        if self._opened is None:
            address, key = self._given
            self._opened = Web(
                address or base_url(self.address_variable, self.address),
                lambda: {"Authorization": f"Bearer {(key or self._key)()}"},
                self._limits,
                pace=self._pace or self.usual_pace(),
                sleep=self._sleep,
                transport=self._transport,
            )
        return self._opened

    def usual_pace(self) -> Callable[[str, str], None] | None:
        """The provider's minimum intervals between requests, where it has some."""
        return None

    def close(self) -> None:
        """Let the connections go."""
        if self._opened is not None:
            self._opened.close()

    @abstractmethod
    def kind_of(self, answer: Answer) -> Kind | None:
        """Why the answer is a definite no; None where it is none or may not be believed."""

    @abstractmethod
    def said(self, answer: Answer) -> str:
        """The provider's own words in an answer that is no good."""

    @abstractmethod
    def listed(self) -> Sequence[Instance]:
        """Every machine of the account that is not TERMINATED, in any order."""

    @abstractmethod
    def get(self, resource: str) -> Instance | None:
        """As :meth:`Provider.get`."""

    def find(self, label: str) -> Sequence[Instance]:
        """As :meth:`Provider.find`."""
        return answers.oldest_first([one for one in self.listed() if one.label == label])

    def ours(self) -> Sequence[Instance]:
        """As :meth:`Provider.ours`."""
        found = [one for one in self.listed() if one.label.startswith(LABEL_PREFIX)]
        return answers.oldest_first(found)

    def ssh(self, resource: str) -> Sequence[SshPlace]:
        """As :meth:`Provider.ssh`."""
        found = self.get(resource)
        return () if found is None else found.ssh

    def observe(self, resource: str) -> Look:
        """As :meth:`Provider.observe`."""
        return answers.observe(lambda: self.get(resource), self.listed, resource)

    def question(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        absent: Callable[[Answer], bool] = lambda answer: False,
    ) -> dict[str, Any] | None:
        """The object that answers a question; None where ``absent`` knows the refusal.

        Raises StudioError (``provider_silent``, ``provider_refused``).
        """
        try:
            answer = self.web.read(verb, method, path, query=query, body=body)
        except NoAnswer as error:
            raise answers.silent(self.label, str(error)) from error
        if 200 <= answer.status < 300 and isinstance(answer.json, dict):
            return answer.object
        if absent(answer):
            return None
        kind = self.kind_of(answer)
        if kind is None:
            answers.unclear(self.label, answer)
        raise answers.refused(self.label, self.secret, kind, self.said(answer), self.wait(answer))

    def order(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        body: Any = None,
        done: Callable[[Answer], bool] = lambda answer: 200 <= answer.status < 300,
        gone: Callable[[Answer], bool] = lambda answer: answer.status == 404,
    ) -> Ending:
        """What came of an order that may be given twice."""
        try:
            answer = self.web.read(verb, method, path, body=body)
        except NoAnswer as error:
            return answers.ending_unknown(error)
        if done(answer):
            return Ending(Outcome.ACCEPTED, f"status {answer.status}")
        said = f"status {answer.status}: {self.said(answer)}"
        if gone(answer):
            return Ending(Outcome.ALREADY_GONE, said)
        # 409: not in its present state. Of a create that proves nothing, of an order it is a no.
        if self.kind_of(answer) is not None or answer.status == 409:
            return Ending(Outcome.REFUSED, said)
        return Ending(Outcome.UNKNOWN, said)

    def no_create(self, answer: Answer) -> Refused | Unknown:
        """What an answer to a create says that is not the machine."""
        kind = self.kind_of(answer)
        said = f"status {answer.status}: {self.said(answer)}"
        return Unknown(said) if kind is None else Refused(kind, said, self.wait(answer))

    def wait(self, answer: Answer) -> float | None:
        """Seconds until it may be asked again, where the answer says so."""
        return answer.wait

    def _key(self) -> str:
        from ategnatos.guard.secrets import need

        return need(self.secret, purpose=f"ask {self.label}").reveal()


def sent_unknown(error: NoAnswer) -> Refused | Unknown:
    """What a create that got no answer may have done: nothing, where no byte of it left."""
    if error.sent:
        return Unknown(f"sent, and no answer came: {error}")
    return Refused(Kind.BUSY, f"the provider could not be reached, nothing was sent: {error}")


def live(found: Sequence[Instance]) -> list[Instance]:
    """Without those that the provider itself calls gone."""
    return [one for one in found if one.state is not State.TERMINATED]


def facts(provider: str) -> dict[str, Any]:
    """What the knowledge base holds of a provider (``providers.json``). Raises StudioError."""
    from ategnatos.knowledge import loader

    found = loader.read("providers").content["providers"].get(provider)
    if not isinstance(found, dict):
        raise StudioError(
            loader.KNOWLEDGE_BROKEN,
            f"The data file 'providers' says nothing of {provider!r}.",
            hint="Install the package again.",
        )
    return found
