"""How long a prompt is for the model that reads it."""

from __future__ import annotations

from collections.abc import Iterator

from ategnatos.prompts.lint.finding import Finding, Subject, finding
from ategnatos.prompts.weights import runs

_WORDS_SHOWN = 30


def chunks(subject: Subject) -> Iterator[Finding]:
    """Where each further chunk of a CLIP text begins, or where the text is cut off.

    Each run of one weight is counted by itself, as ComfyUI does; it moves a word of eight tokens
    or fewer whole into the next chunk, so a chunk may begin up to seven tokens earlier.
    """
    room = subject.limit
    if room is None and subject.manner.dialect.chunk is not None and subject.manner.weighs:
        room = subject.manner.dialect.chunk.tokens
    if room is None or subject.count is None:
        return
    code = "chunk_over" if subject.limit is None else "cut_off"
    parts = [(run.start, run.text) for run in runs(subject.prompt) if run.text.strip()]
    counts = [subject.count(text) for _, text in parts]
    total = sum(counts)
    before, chunk = 0, 1
    for (start, text), tokens in zip(parts, counts, strict=True):
        while before + tokens > room * chunk:
            words = _fitting(text, room * chunk - before, subject)
            at = min(start + words, len(subject.text))
            yield finding(
                subject,
                code,
                at,
                len(subject.text),
                tokens=total,
                room=room,
                chunk=chunk + 1,
                word=" ".join(text[words:].split())[:_WORDS_SHOWN],
            )
            if code == "cut_off":
                return
            chunk += 1
        before += tokens


def _fitting(text: str, room: int, subject: Subject) -> int:
    """How many characters of ``text`` fit into ``room`` tokens, cut between words."""
    assert subject.count is not None
    ends = [i for i in range(len(text)) if text[i].isspace() or text[i] == ","] or [0]
    low, high = 0, len(ends) - 1
    best = 0
    while low <= high:
        middle = (low + high) // 2
        if subject.count(text[: ends[middle]]) <= room:
            best, low = ends[middle], middle + 1
        else:
            high = middle - 1
    while best < len(text) and (text[best].isspace() or text[best] == ","):
        best += 1
    return best
