"""Subscriptions of the line file and of people, kept in the ledger: who is told what and when."""

import hmac
import ipaddress
import re
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from twin.alarms.risk import AGAIN, probability
from twin.alarms.routing import link, timed, worded
from twin.alarms.words import catalogue, number
from twin.domain.alarm import Alarm, AlarmState, Notice, Priority
from twin.domain.audit import Deed
from twin.domain.errors import InputError, NotFoundError
from twin.domain.event import Event, Kind, Stage
from twin.domain.forecast import Forecast
from twin.domain.people import Actor
from twin.domain.subscription import Risk, Subscription
from twin.ports import ChannelInfo, Document, Ledger, SentNotice

MOST: Final = 20
"""Subscriptions of one person (chosen default)."""
RATE: Final = 6
"""Notices of one subscription in ten minutes; what comes beyond is gathered (chosen default)."""
RATE_NS: Final = 600_000_000_000
TEST_NS: Final = 30_000_000_000
"""Between two test notices of one subscription [ns] (chosen default)."""
MAIL: Final = re.compile(r"[^\s@<>,;:\"\\]{1,64}@[^\s@<>,;:\"\\]{1,200}")
TOPIC: Final = re.compile(r"[^\x00-\x1f#+$][^\x00-\x1f#+]{0,199}")


class SubscriptionBook:
    """`twin.ports.Subscriptions` over a ledger.

    Parameters
    ----------
    ledger : Ledger
    fixed : sequence of Subscription
        Those of the line file.
    channels : sequence of ChannelInfo
    now_ns : Callable[[], int]
        Wall time [ns since 1970-01-01 UTC].
    due : Callable[[], None]
        Called when a notice waits that no alarm brought.
    """

    def __init__(
        self,
        ledger: Ledger,
        fixed: Sequence[Subscription],
        channels: Sequence[ChannelInfo],
        now_ns: Callable[[], int],
        due: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger, self._fixed, self._now_ns, self.due = ledger, tuple(fixed), now_ns, due
        self._channels = {each.name: each for each in channels}
        self.address = ""
        self.tags: frozenset[str] = frozenset()
        rows = {key: orjson.loads(body) for key, body in ledger.documents("subscription").items()}
        self._secrets = {key: str(row.pop("secret")) for key, row in rows.items()}
        self._own = {key: _subscription(row) for key, row in rows.items()}
        self._lately: dict[str, deque[int]] = {}
        self._foretold = {key: int(orjson.loads(body)) for key, body in ledger.documents("risk").items()}

    def notices(self, alarm: Alarm) -> list[Notice]:
        """What is told of an alarm that calls for attention, each with the time it may go out."""
        if alarm.state is not AlarmState.UNACK:
            return []
        everybody = (*self._fixed, *self._own.values())
        return [self._timed(worded(alarm, s), s) for s in everybody if s.wants(alarm)]

    def foretold(self, forecast: Forecast) -> tuple[list[Notice], list[Document]]:
        """What is told of a forecast, and what is to be remembered of it: each risk once until it is over."""
        notices, documents = [], []
        for s in self._own.values():
            for place, risk in enumerate(() if s.stopped else s.risks):
                chance = probability(forecast, risk)
                key = f"{s.subscriber}/{place}"
                if chance is None:
                    continue
                if chance >= risk.probability and key not in self._foretold:
                    self._foretold[key] = forecast.made_ns
                    notices.append(self._timed(_risk_notice(forecast, risk, chance, s, key), s))
                    documents.append(Document("risk", key, orjson.dumps(forecast.made_ns)))
                elif chance < AGAIN * risk.probability and self._foretold.pop(key, None) is not None:
                    documents.append(Document("risk", key, None))
        return notices, documents

    def channels(self) -> list[ChannelInfo]:
        """Routes that can be chosen."""
        return list(self._channels.values())

    def of(self, owner: str) -> list[Subscription]:
        """Every subscription of a person."""
        return [each for each in self._own.values() if each.owner == owner]

    def put(self, subscription: Subscription, by: Actor) -> Subscription:
        """Keep a new one or change one's own.

        Raises
        ------
        InputError
            Channel, address or hours will not do, or there are too many.
        NotFoundError
            It is not the person's own.
        """
        self._check(subscription)
        number = subscription.subscriber
        old = self._mine(number, by) if number else None
        if old is None and len(self.of(by.name)) >= MOST:
            raise InputError(f"{MOST} subscriptions are the most for one person; change or remove one")
        number = number or f"s-{secrets.token_hex(6)}"
        kept = replace(subscription, subscriber=number, owner=by.name)
        secret = self._secrets.get(number) or secrets.token_urlsafe(18)
        document = Document("subscription", number, orjson.dumps({**asdict(kept), "secret": secret}))
        self._keep(self._deed(by, "subscription.put", number, _brief(old), _brief(kept)), document)
        self._own[number], self._secrets[number] = kept, secret
        self._foretold = {k: t for k, t in self._foretold.items() if not k.startswith(f"{number}/")}
        return kept

    def drop(self, number: str, by: Actor) -> None:
        """Remove one's own.

        Raises
        ------
        NotFoundError
            It is not the person's own.
        """
        old = self._mine(number, by)
        deed = self._deed(by, "subscription.drop", number, _brief(old))
        self._keep(deed, Document("subscription", number, None))
        del self._own[number], self._secrets[number]

    def stop(self, number: str, secret: str) -> bool:
        """Stop one with the secret its notices carry, without signing in."""
        known = self._own.get(number)
        if known is None or not hmac.compare_digest(self._secrets[number].encode(), secret.encode()):
            return False
        stopped = replace(known, stopped=True)
        document = Document(
            "subscription", number, orjson.dumps({**asdict(stopped), "secret": self._secrets[number]})
        )
        deed = Deed(self._now_ns(), known.owner, "", "link of a notice", "subscription.stop", number)
        self._keep(deed, document)
        self._own[number] = stopped
        return True

    def test(self, number: str, by: Actor) -> None:
        """Send a test notice the way of any other.

        Raises
        ------
        NotFoundError
            It is not the person's own.
        InputError
            One was sent a moment ago.
        """
        s = self._mine(number, by)
        now_ns = self._now_ns()
        lately = self._lately.setdefault(f"test {number}", deque(maxlen=1))
        if lately and now_ns - lately[0] < TEST_NS:
            raise InputError(f"a test was sent a moment ago; the next may follow in {TEST_NS // 10**9} s")
        lately.append(now_ns)
        words = catalogue(s.language)
        event = Event(now_ns, Kind.ALARM, "test", Stage.CONFIRMED, f"test/{number}/{now_ns}")
        alarm = Alarm("test", AlarmState.UNACK, Priority.LOW, event, now_ns, now_ns)
        title, text = words["words.test"], words["words.test.text"]
        key = f"test/{number}/{now_ns}"
        notice = replace(worded(alarm, s), key=key, title=title, text=text, stop=self._stop(s))
        self._ledger.commit(notices=[notice], deeds=[self._deed(by, "subscription.test", number)])
        self.due()

    def told(self, number: str, by: Actor) -> list[SentNotice]:
        """What became of the newest notices of one's own."""
        return self._ledger.sent_to(self._mine(number, by).subscriber, 10)

    def _timed(self, notice: Notice, s: Subscription) -> Notice:
        now_ns = self._now_ns()
        local = datetime.fromtimestamp(now_ns / 1e9, ZoneInfo(s.zone))
        notice = timed(
            replace(notice, stop=self._stop(s), link=self._link(notice)),
            s,
            now_ns,
            60 * local.hour + local.minute,
        )
        return self._limited(notice, s, now_ns)

    def _limited(self, notice: Notice, s: Subscription, now_ns: int) -> Notice:
        """What is more than a person can read is gathered until the window is free again."""
        if not s.owner or notice.not_before_ns or notice.alarm.priority is Priority.CRITICAL:
            return notice
        lately = self._lately.setdefault(s.subscriber, deque())
        while lately and lately[0] <= now_ns - RATE_NS:
            lately.popleft()
        if len(lately) >= RATE:
            return replace(notice, not_before_ns=lately[0] + RATE_NS, gathered=True)
        lately.append(now_ns)
        return notice

    def _stop(self, s: Subscription) -> str:
        if not s.owner or not self.address:
            return ""
        return f"{self.address}#/stop?number={s.subscriber}&secret={self._secrets[s.subscriber]}"

    def _link(self, notice: Notice) -> str:
        units = {tag.partition(".")[0] for tag in self.tags}
        return link(notice, self.address, units) if self.address else ""

    def _mine(self, number: str, by: Actor) -> Subscription:
        known = self._own.get(number)
        if known is None or known.owner != by.name:
            raise NotFoundError(f"you have no subscription {number!r}")
        return known

    def _check(self, s: Subscription) -> None:
        channel = self._channels.get(s.channel)
        if channel is None:
            known = ", ".join(self._channels) or "none; the line file names them under channels"
            raise InputError(f"channel {s.channel!r} is not known; known are {known}")
        _check_address(channel, s.address)
        try:
            ZoneInfo(s.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InputError(f"time zone {s.zone!r} is not known; Europe/Paris would do") from error
        for risk in s.risks:
            if (risk.below is None) == (risk.above is None):
                raise InputError("a risk has either below or above")
            if risk.tag not in self.tags:
                raise InputError(f"nothing on this line is called {risk.tag!r}; R101.pO2 would be a name")

    def _deed(self, by: Actor, action: str, number: str, old: str = "", new: str = "") -> Deed:
        return Deed(self._now_ns(), by.name, by.role.value, by.origin, action, number, old, new)

    def _keep(self, deed: Deed, document: Document) -> None:
        self._ledger.commit(deeds=[deed], documents=[document])


def _risk_notice(forecast: Forecast, risk: Risk, chance: float, s: Subscription, key: str) -> Notice:
    words = catalogue(s.language)
    side = words["words.below" if risk.below is not None else "words.above"]
    bound = risk.below if risk.below is not None else risk.above
    event = Event(
        forecast.made_ns, Kind.RISK, forecast.asset, Stage.CONFIRMED, f"risk/{key}/{forecast.made_ns}",
        tag=risk.tag, confidence=chance, model=forecast.model,
        detail={"bound": float(bound or 0.0), "within_h": risk.within_h},
    )  # fmt: skip
    alarm = Alarm(f"risk/{key}", AlarmState.UNACK, Priority.MEDIUM, event, event.t, event.t)
    parts = {"tag": risk.tag, "side": side, "bound": number(float(bound or 0.0), s.language)}
    title = words["words.risk"].format(**parts)
    percent, asked = round(100 * chance), round(100 * risk.probability)
    hours = number(risk.within_h, s.language)
    text = words["words.risk.text"].format(percent=percent, hours=hours, asked=asked)
    return replace(worded(alarm, s), key=f"risk/{key}/{forecast.made_ns}", title=title, text=text)


def _check_address(channel: ChannelInfo, address: str) -> None:
    """Refuse an address its channel can not use; where a name leads is looked at when it is sent."""
    if channel.address == "mail" and not MAIL.fullmatch(address):
        raise InputError(f"{address[:60]!r} is not a mail address; name@example.org would do")
    if channel.address == "topic" and address and not TOPIC.fullmatch(address):
        raise InputError(f"{address[:60]!r} is not a topic; bioline/notices/anna would do")
    if channel.address == "url":
        _check_url(address, channel.private)


def _check_url(address: str, private: bool) -> None:
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InputError(f"{address[:60]!r} is not a web address") from error
    if parts.scheme not in ("http", "https") or not host or len(address) > 500:
        raise InputError(f"{address[:60]!r} is not a web address; https://example.org/notices would do")
    try:
        inner = ipaddress.ip_address(host)
    except ValueError:
        return
    never = inner.is_link_local or inner.is_multicast or inner.is_unspecified
    if never or not (inner.is_global or private):
        remedy = "" if never or private else ", or allow_private: true on the channel when it is meant"
        raise InputError(f"{host} is not a public address; https://example.org/notices would do{remedy}")


def _subscription(row: Mapping[str, Any]) -> Subscription:
    quiet = row["quiet"]
    return Subscription(
        **{
            **row,
            "assets": tuple(row["assets"]),
            "kinds": tuple(row["kinds"]),
            "least": Priority(row["least"]),
            "quiet": None if quiet is None else (quiet[0], quiet[1]),
            "risks": tuple(Risk(**risk) for risk in row["risks"]),
        }
    )


def _brief(s: Subscription | None) -> str:
    """A subscription in a few words; never the address's secrets."""
    if s is None:
        return ""
    where = urlsplit(s.address).hostname or s.address if "://" in s.address else s.address
    state = ", stopped" if s.stopped else ""
    return f"{s.channel} {where}: {','.join(s.assets)} {','.join(s.kinds)} >={s.least.value}{state}"
