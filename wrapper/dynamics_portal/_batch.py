"""Batches: which operations go into which request, and what the answers mean for each of them. A state machine without
I/O: `next_call` says what to send, `feed` and `fail` take what came of it.

A request is repeated where each of its operations may be. Where an attempt before may have run, what is refused since
it has run already counts as done, as for single calls: a row whose id was chosen here and that is there, a row that was
to be deleted and is gone. That is looked up, and what the refusal kept from running is sent again.

Source: Dataverse Web API, "Execute batch operations using the Web API"; OData Version 4.0 Part 1 (Protocol), "Batch
Requests".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from . import _multipart
from ._call import Call, Headers
from ._checked import checking_input
from ._dynamics_codes import DUPLICATE_KEY
from ._failures import failure, unreadable
from ._multipart import ChangeSet, Part, PartAnswer
from ._outcome import Answer
from ._pending import Pending
from ._reads import INNER_HEADERS
from ._settings import Settings
from .errors import DynamicsPortalClientException, ErrorCode, NotFoundError, NotRunError

MAX_OPERATIONS: Final = 1000  # in a request: the service's limit
MAX_BYTES: Final = 32 << 20  # of a request that several operations share: enough to save time, little to lose
MAX_SET_BYTES: Final = 110 << 20  # of a change set: the service takes messages of 116.85 MB, its own headers included
_OVERHEAD: Final = 600  # bytes at the most that stand around an operation

_PREFER: Final = ("Prefer", "odata.continue-on-error")
_VERBS_TOLD_APART: Final = frozenset({"create", "update", "upsert", "delete"})


class Step:
    """An operation of a batch. `read`: what its answer gives. `exists`: the read which tells whether its row is there,
    where having run it twice can be told so."""

    __slots__ = ("call", "exists", "pending", "read")

    def __init__(
        self,
        pending: Pending[Any],
        call: Call,
        read: Callable[[Answer], Any],
        exists: Callable[[], Call] | None = None,
    ) -> None:
        self.pending = pending
        self.call = call
        self.read = read
        self.exists = exists

    def part(self, extra: Headers) -> Part:
        """The request. `extra`: headers that each request carries, for those of a batch are not those of its parts."""
        call = self.call
        if call.part is not None:
            return call.part._replace(headers=(*call.part.headers, *extra))
        number = str(self.pending.number) if self.pending.change_set is not None else ""
        return Part(call.method, call.url, (*INNER_HEADERS, *call.headers, *extra), call.content, number)

    @property
    def size(self) -> int:
        """Bytes that it takes in a request, about."""
        return len(self.call.content or b"") + len(self.call.url) + _OVERHEAD


class Group:
    """What runs as a whole or not at all: an operation, or a change set. `uncertain`: it may have run before."""

    __slots__ = ("atomic", "steps", "uncertain")

    def __init__(self, steps: Sequence[Step], *, atomic: bool = False) -> None:
        self.steps = steps
        self.atomic = atomic
        self.uncertain = False

    @property
    def size(self) -> int:
        """Bytes, about."""
        return sum(step.size for step in self.steps)

    def item(self, extra: Headers) -> Part | ChangeSet:
        """The request, or the requests."""
        parts = tuple(step.part(extra) for step in self.steps)
        return ChangeSet(parts) if self.atomic else parts[0]

    def can_be_told(self, error: DynamicsPortalClientException) -> bool:
        """Whether looking can tell that a refusal is due to the group having run before."""
        verbs = {step.pending.verb for step in self.steps}
        if not verbs <= _VERBS_TOLD_APART or any(s.exists is None for s in self.steps if s.pending.verb == "create"):
            return False
        if error.dynamics_code == DUPLICATE_KEY:
            return "create" in verbs
        return isinstance(error, NotFoundError) and (verbs == {"delete"} or {"create", "delete"} <= verbs)


class _Doubt(NamedTuple):
    """A refused group that may have run before, and how it was refused."""

    group: Group
    error: DynamicsPortalClientException
    failed: Step | None


class Run(Protocol):
    """What is sent step by step."""

    def next_call(self) -> Call | None:
        """What to send next; `None` at the end."""
        ...

    def feed(self, answer: Answer, call: Call) -> None:
        """Take an answer."""
        ...

    def fail(self, error: DynamicsPortalClientException) -> None:
        """Take the failure of a request."""
        ...


class BatchRun:
    """The course of a batch. `failure`: what failed first."""

    def __init__(self, groups: Iterable[Group], settings: Settings, *, continue_on_error: bool) -> None:
        self._waiting = deque(groups)
        self._settings = settings
        self._extra = settings.extra_headers.items
        self._continues = continue_on_error
        self._sent: list[Group] = []
        self._doubts: list[_Doubt] = []
        self._looks: list[tuple[Step, Call]] = []
        self._culprit: tuple[Step | None, DynamicsPortalClientException] | None = None
        self.failure: DynamicsPortalClientException | None = None

    def next_call(self) -> Call | None:
        """What to send next; `None` at the end."""
        if self._doubts:
            steps = [step for doubt in self._doubts for step in doubt.group.steps if step.exists is not None]
            self._looks = [(step, step.exists()) for step in steps if step.exists is not None]
            parts = [Step(step.pending, call, lambda answer: None).part(self._extra) for step, call in self._looks]
            return self._call([part._replace(content_id="") for part in parts], continues=True)
        self._sent = self._take()
        if not self._sent:
            return None
        repeatable = all(step.call.repeatable for group in self._sent for step in group.steps)
        return self._call(
            [group.item(self._extra) for group in self._sent], continues=self._continues, repeatable=repeatable
        )

    def feed(self, answer: Answer, call: Call) -> None:
        """Take an answer."""
        try:
            answers = _multipart.decode(answer.headers.get("content-type", ""), answer.content)
        except ValueError:
            problem = unreadable("the answer to a batch is none that can be read", answer.status, call.correlation_id)
            problem.attempts = answer.attempts
            self.fail(problem)
            return
        if self._doubts:
            self._resolve(answers)
            return
        sent, self._sent = self._sent, []
        for group, found in zip(sent, answers, strict=False):
            self._answered(group, found, answer, call)
        self._unanswered(sent[len(answers) :], answer, call)

    def fail(self, error: DynamicsPortalClientException) -> None:
        """Take the failure of a whole request. What has not been sent is not sent any more."""
        if self._doubts:
            doubts, self._doubts = self._doubts, []
            for doubt in doubts:
                self._refused(doubt)
        self.failure = self.failure or error
        for group in self._sent:
            for step in group.steps:
                problem = error.copy()
                problem.may_have_run = error.may_have_run or group.uncertain
                self._failed(step, problem)
        self._sent = []
        self._end(self._waiting, error, "the request before it failed")
        self._waiting.clear()

    def _take(self) -> list[Group]:
        """The groups of the next request."""
        taken: list[Group] = []
        count, size = 0, 0
        while self._waiting:
            group = self._waiting[0]
            count, size = count + len(group.steps), size + group.size
            if taken and (count > MAX_OPERATIONS or size > MAX_BYTES):
                break
            taken.append(self._waiting.popleft())
        return taken

    @checking_input
    def _call(self, items: Sequence[Part | ChangeSet], *, continues: bool, repeatable: bool = True) -> Call:
        content_type, content = _multipart.encode(items)
        headers = (("Content-Type", content_type), *((_PREFER,) if continues else ()))
        return Call(
            "POST",
            f"{self._settings.root.url}$batch",
            self._settings.new_correlation_id(),
            headers=headers,
            content=content,
            repeatable=repeatable,
            unwrap=opened,
            reads=False,
        )

    def _answered(self, group: Group, found: PartAnswer | list[PartAnswer], answer: Answer, call: Call) -> None:
        group.uncertain = group.uncertain or answer.uncertain
        answers = [found] if isinstance(found, PartAnswer) else found
        refused = next((part for part in answers if not part.answer.ok), None)
        if refused is not None:
            refused.answer.secrets = answer.secrets
            error = failure(refused.answer, call.correlation_id, attempts=answer.attempts, uncertain=group.uncertain)
            doubt = _Doubt(group, error, _step_of(group, refused))
            if group.uncertain and group.can_be_told(error):
                self._doubts.append(doubt)
            else:
                self._refused(doubt)
        elif len(answers) != len(group.steps) or isinstance(found, list) != group.atomic:
            self._unread(group, answer, call)
        else:
            by_id = {part.content_id: part for part in answers}
            named = len(by_id) == len(answers) and all(str(step.pending.number) in by_id for step in group.steps)
            for position, step in enumerate(group.steps):
                part = by_id[str(step.pending.number)] if named else answers[position]
                self._done(step, part.answer)

    def _done(self, step: Step, answer: Answer) -> None:
        try:
            step.pending.settle(step.read(answer))
        except DynamicsPortalClientException as error:
            self._failed(step, error)

    def _refused(self, doubt: _Doubt) -> None:
        """A group failed, for certain."""
        if doubt.failed is not None:
            self._failed(doubt.failed, doubt.error)
        else:
            doubt.error.explanation = doubt.error.explanation or "an operation of a change set"
        self._note(doubt.failed, doubt.error)
        what = "an operation of its change set" if doubt.failed is None else doubt.failed.pending.label
        for step in doubt.group.steps:
            if step is not doubt.failed:
                self._not_run(step, doubt.error, f"rolled back, for {what} failed", may_have_run=doubt.group.uncertain)

    def _unanswered(self, groups: Sequence[Group], answer: Answer, call: Call) -> None:
        """Groups for which there is no answer: since one before them failed, or the answer lacks them."""
        for group in groups:
            group.uncertain = group.uncertain or answer.uncertain
        if self._culprit is not None and not self._continues:
            self._end([*groups, *self._waiting], self._culprit[1], self._reason())
            self._waiting.clear()
        elif self._doubts and not self._continues:
            self._waiting.extendleft(reversed(groups))
        else:
            for group in groups:
                self._unread(group, answer, call)

    def _unread(self, group: Group, answer: Answer, call: Call) -> None:
        for step in group.steps:
            problem = unreadable("the answer to a batch lacks that to this one", answer.status, call.correlation_id)
            problem.attempts = answer.attempts
            self._note(step, problem)
            self._failed(step, problem)

    def _resolve(self, answers: Sequence[PartAnswer | list[PartAnswer]]) -> None:
        """What looking has told about the groups in doubt."""
        doubts, self._doubts = self._doubts, []
        there: dict[int, int] = {}
        for (step, _), found in zip(self._looks, answers, strict=False):
            if isinstance(found, PartAnswer):
                there[id(step)] = found.answer.status
        for doubt in doubts:
            looked = [step for step in doubt.group.steps if step.exists is not None]
            if all(there.get(id(step)) == (404 if step.pending.verb == "delete" else 200) for step in looked):
                for step in doubt.group.steps:
                    self._done(step, Answer(204, {}, b""))
            else:
                self._refused(doubt)
        if self._culprit is not None and not self._continues:
            self._end(self._waiting, self._culprit[1], self._reason())
            self._waiting.clear()

    def _end(self, groups: Iterable[Group], cause: DynamicsPortalClientException, reason: str) -> None:
        """Groups are not sent, or not sent again."""
        for group in groups:
            for step in group.steps:
                self._not_run(step, cause, f"not run, for {reason}", may_have_run=group.uncertain)

    def _reason(self) -> str:
        step = self._culprit[0] if self._culprit else None
        return f"{'a change set' if step is None else step.pending.label} before it failed"

    def _not_run(self, step: Step, cause: DynamicsPortalClientException, why: str, *, may_have_run: bool) -> None:
        error = NotRunError(
            ErrorCode.CONFLICT,
            explanation=f"{step.pending.label} was {why}",
            correlation_id=cause.correlation_id,
            attempts=cause.attempts,
            may_have_run=may_have_run,
        )
        error.__cause__ = cause
        step.pending.fail(error)

    def _failed(self, step: Step, error: DynamicsPortalClientException) -> None:
        said = f": {error.explanation}" if error.explanation else ""
        error.explanation = f"{step.pending.label}{said}"
        self.failure = self.failure or error
        step.pending.fail(error)

    def _note(self, step: Step | None, error: DynamicsPortalClientException) -> None:
        self._culprit = self._culprit or (step, error)
        self.failure = self.failure or error


def opened(answer: Answer) -> Answer:
    """The answer to a batch as one that came: its status may be that of an operation which failed, and says no more
    than that one's own answer."""
    if answer.ok or not _multipart.is_multipart(answer.headers.get("content-type", "")):
        return answer
    return Answer(200, answer.headers, answer.content)


def _step_of(group: Group, part: PartAnswer) -> Step | None:
    """Which operation an answer is about; `None` where it does not say."""
    if len(group.steps) == 1:
        return group.steps[0]
    return next((step for step in group.steps if str(step.pending.number) == part.content_id), None)
