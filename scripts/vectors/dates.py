"""Writes registry/recurrence/tests/vectors/dates.json: what dateutil makes of dates in common forms.

    python -m venv /tmp/vectors
    /tmp/vectors/bin/pip install python-dateutil==2.9.0.post0 tzdata==2026.6
    /tmp/vectors/bin/python scripts/vectors/dates.py

A date that says its time zone is shown as a clock in Berlin shows it. What dateutil knows no hours of is told to it.
"""

import datetime
import json
import pathlib
import warnings
from importlib.metadata import version

from dateutil import parser, tz

VERSION = "2.9.0.post0"
OUTPUT = pathlib.Path(__file__).parents[2] / "registry/recurrence/tests/vectors/dates.json"
BERLIN = tz.gettz("Europe/Berlin")
HOURS = {"CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "WET": 0, "WEST": 1, "UT": 0, "EST": -5, "EDT": -4, "PST": -8}
TEXTS = [
    "2014-10-30", "2014-1-5", "2014/10/30", "2014.10.30", "20141030", "2014-Oct-30", "2014 Oct 30",
    "2014-10-30T13:21:18", "2014-10-30T13:21", "2014-10-30T13", "20141030T132118", "20141030T1321", "20141030T13",
    "20141030 13:21", "201410301321", "20141030132118", "2014-10-30 13:21:18.25", "2014-10-30t13:21:18",
    "20141030T132118Z", "20141030T132118+0200", "2026-01-01T00:00+02:00", "2026-01-01T00:00+02", "2026-01-01T00:00Z",
    "2026-01-01 00:00 -0530", "2014-10-30T13:21:18.25Z", "2014-07-30T13:21:18Z", "2014-10-30 13:21 UTC",
    "2014-10-30 13:21:18 GMT", "2014-10-30 13:21 UT", "2014-10-30 13:21 CET", "2014-07-30 13:21 CET",
    "2014-07-30 13:21 CEST", "2014-10-30 13:21 EET", "2014-07-30 13:21 EEST", "2014-10-30 13:21 WET",
    "2014-07-30 13:21 WEST", "2014-10-30 13:21 EST", "2014-07-30 13:21 EDT", "2014-10-30 13:21 PST",
    "2014-10-30 1:21 PM", "2014-10-30 1:21pm", "2014-10-30 1 PM", "2014-10-30 1pm", "2014-10-30 12:05 am",
    "2014-10-30 12:05 PM", "2014-10-30 1:21:18 AM",
    "10/30/2014", "30/10/2014", "10/11/2014", "1/2/2014 3:04", "10-11-2014", "30-10-2014", "10.11.2014",
    "30.10.2014 13:21", "13.1.2014", "13:21 30.10.2014",
    "30 Oct 2014", "30 October 2014", "30. October 2014", "30-Oct-2014", "30-OCT-2014 13:21", "30/Oct/2014",
    "Oct-30-2014", "Oct 30 2014", "Oct. 30, 2014", "October 30th 2014", "October 30th, 2014 at 1:21 pm",
    "30th of October 2014", "Sept 3 2014", "October 1st, 2014", "2nd May 2014", "May 3rd 2014", "13:21:18 Oct 30 2014",
    "Thu Oct 30 13:21:18 2014", "Thu Oct 30 13:21:18 UTC 2014", "Thu Oct 30 2014", "Thursday, October 30, 2014 1:21:18 PM",
    "Thu, 30 Oct 2014 13:21:18 +0200", "Thu, 30 Oct 2014 13:21:18 GMT",
]


def shown(text):
    """Returns what a clock in Berlin shows at a date."""
    zones = lambda name, offset: HOURS[name] * 3600 if name in HOURS else offset
    date = parser.parse(text, default=datetime.datetime(2026, 11, 23), tzinfos=zones)
    date = date.astimezone(BERLIN) if date.tzinfo else date
    return date.strftime("%Y-%m-%dT%H:%M:%S")


def main():
    assert version("python-dateutil") == VERSION, version("python-dateutil")
    warnings.simplefilter("error")
    lines = ",\n".join(json.dumps([text, shown(text)]) for text in TEXTS)
    OUTPUT.write_text(f'{{"python-dateutil":"{VERSION}","cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
