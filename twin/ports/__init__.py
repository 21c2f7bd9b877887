"""The contracts between the core and the world: one file a port.

Every adapter is one file behind one of them.
"""

from twin.ports.actuator import Actuator, ActuatorContext
from twin.ports.clock import Clock
from twin.ports.historian import ALONE, Historian, HistorianContext, History, Trend, WriteReport
from twin.ports.ledger import Document, DueNotice, Ledger, Record, SentNotice
from twin.ports.models import Models
from twin.ports.notifier import Illustrator, Notifier
from twin.ports.people import IdentityProvider, Leaving, People
from twin.ports.playback import Playback
from twin.ports.playbacks import Closed, Ending, Opened, Passed, Playbacks
from twin.ports.publisher import Publisher, PublisherContext
from twin.ports.source import Delivery, LinkChange, Source, SourceContext
from twin.ports.subscriptions import ChannelInfo, Subscriptions
from twin.ports.view import Counters, LinkState, Update, View

__all__ = [
    "ALONE",
    "Actuator",
    "ActuatorContext",
    "ChannelInfo",
    "Clock",
    "Closed",
    "Counters",
    "Delivery",
    "Document",
    "DueNotice",
    "Ending",
    "Historian",
    "HistorianContext",
    "History",
    "IdentityProvider",
    "Illustrator",
    "Leaving",
    "Ledger",
    "LinkChange",
    "LinkState",
    "Models",
    "Notifier",
    "Opened",
    "Passed",
    "People",
    "Playback",
    "Playbacks",
    "Publisher",
    "PublisherContext",
    "Record",
    "SentNotice",
    "Source",
    "SourceContext",
    "Subscriptions",
    "Trend",
    "Update",
    "View",
    "WriteReport",
]
