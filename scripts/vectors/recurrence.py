"""Writes registry/recurrence/tests/vectors/recurrence.json: the occurrences of rules according to dateutil.

    python -m venv /tmp/vectors
    /tmp/vectors/bin/pip install python-dateutil==2.9.0.post0 tzdata==2026.6
    /tmp/vectors/bin/python scripts/vectors/recurrence.py

Rules are drawn by a seed. Of each rule without a zone there are the first occurrences, as seconds after its start, and
`later`: the one after so many seconds. Those behind the horizon of the frequency do not count. A rule with a zone is about clock changes: its occurrences
are instants, the first as seconds since 1970, then how many seconds lie between how many of them. A time that the clock skips counts as much later as the clock was put forward, and
one that it shows twice counts the first time. A rule that goes on all day, every hour or more often, goes with the
clock instead: what it skips is not there, and what it shows twice is there twice.
"""

import datetime
import itertools
import json
import pathlib
import random
import signal
import warnings
from importlib.metadata import version

from dateutil import rrule, tz

VERSIONS = {"python-dateutil": "2.9.0.post0", "tzdata": "2026.6"}
OUTPUT = pathlib.Path(__file__).parents[2] / "registry/recurrence/tests/vectors/recurrence.json"
FREQUENCIES = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
N_RULES, N_IN_ZONES, N_FIRST = 2300, 400, 5
DAY, YEAR = 86400, 365 * 86400
# How far ahead of the start something is looked for, in seconds, for each frequency.
AHEAD = [30 * YEAR, 8 * YEAR, 5 * YEAR, 2 * YEAR, 20 * DAY, DAY, 3600]
# How far ahead of the start, or of where it is looked from, an occurrence may be.
HORIZONS = [40 * YEAR, 40 * YEAR, 20 * YEAR, 10 * YEAR, 2 * YEAR, 30 * DAY, DAY]
FORMAT = "%Y-%m-%dT%H:%M:%S"
CHANGES = {
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    # Half an hour.
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    # At midnight.
    "America/Sao_Paulo": ["2018-02-18", "2018-11-04"],
    "Africa/Cairo": ["2026-04-24", "2026-10-30"],
    # A day that was left out.
    "Pacific/Apia": ["2011-12-30"],
}


class TooLong(Exception):
    """A rule that dateutil looks too long for."""


def some(draw, candidates, most):
    """Returns one of the candidates or a list of some."""
    if draw.random() < 0.5:
        return draw.choice(candidates)
    return draw.sample(candidates, draw.randint(1, min(most, len(candidates))))


def weekday(draw, frequency):
    """Returns a weekday in one of the ways to write it."""
    name = draw.choice(WEEKDAYS)
    if frequency > 1 or draw.random() < 0.5:
        return draw.choice([name, name.lower(), WEEKDAYS.index(name)])
    ordinal = draw.choice([1, 2, 3, 4, 5, -1, -2, -5] + ([10, 20, 53, -30] if frequency == 0 else []))
    return draw.choice([f"{name}({ordinal:+d})", f"{ordinal:+d}{name}"])


def draw_rule(draw):
    """Returns a rule as a configuration has it."""
    frequency = draw.randrange(7)
    start = datetime.datetime(1997, 1, 1) + datetime.timedelta(seconds=draw.randrange(30 * 365 * 86400))
    rule = {"freq": draw.choice([FREQUENCIES[frequency], FREQUENCIES[frequency].lower(), frequency])}
    rule["dtstart"] = start.strftime(FORMAT)
    chance = lambda share: draw.random() < share
    days = [*range(1, 32), *range(-31, 0)]
    if chance(0.5):
        rule["interval"] = draw.choice([2, 3, 4, 5, 7, 10, 12, 18, 24, 30, 36, 45, 60, 90, 100, 1440])
    if frequency == 0:
        rule["interval"] = min(rule.get("interval", 1), 12)
    if chance(0.3):
        rule["wkst"] = draw.choice([*WEEKDAYS, *range(7)])
    if chance(0.1):
        rule["count"] = draw.randint(1, 12)
    elif chance(0.15):
        end = start + datetime.timedelta(seconds=draw.randrange(AHEAD[frequency]) - 3600)
        rule["until"] = end.strftime(FORMAT)
    if chance(0.25):
        rule["bymonth"] = some(draw, range(1, 13), 5)
    if chance(0.2):
        rule["bymonthday"] = some(draw, days, 8)
    if chance(0.08):
        rule["byyearday"] = some(draw, [*range(1, 367), *range(-366, 0)], 60)
    if chance(0.06):
        # Days that lie in the year before are at the end of the same year for dateutil.
        rule["byeaster"] = some(draw, range(-80, 121), 30)
    if chance(0.1):
        rule["byweekno"] = some(draw, [*range(1, 54), *range(-53, 0)], 20)
    if chance(0.25):
        rule["byweekday"] = weekday(draw, frequency) if chance(0.5) else [weekday(draw, frequency) for _ in range(3)]
    if chance(0.3):
        rule["byhour"] = some(draw, range(24), 6)
    if chance(0.3):
        rule["byminute"] = some(draw, range(60), 6)
    if chance(0.3):
        rule["bysecond"] = some(draw, range(60), 6)
    if chance(0.15) and any(key.startswith("by") for key in rule):
        most = [60, 20, 5, 3, 3, 2, 1][frequency]
        rule["bysetpos"] = some(draw, [*range(1, most + 1), *range(-most, 0)], 3)
    return rule


def arguments(rule):
    """Returns a rule as dateutil takes it."""
    given = {key: value for key, value in rule.items() if key != "tz"}

    def day(value):
        if isinstance(value, int):
            return value
        name = value.upper().replace("(", " ").replace(")", "").split()
        if len(name) == 2:
            return getattr(rrule, name[0])(int(name[1]))
        text = name[0]
        return getattr(rrule, text[-2:]) if len(text) == 2 else getattr(rrule, text[-2:])(int(text[:-2]))

    frequency = given["freq"]
    given["freq"] = frequency if isinstance(frequency, int) else FREQUENCIES.index(frequency.upper())
    # dateutil takes the week's first day from the process if there is none.
    given["wkst"] = day(given.get("wkst", 0))
    for key in ("dtstart", "until"):
        if key in given:
            given[key] = datetime.datetime.strptime(given[key], FORMAT)
    if "byweekday" in given:
        days = given["byweekday"]
        given["byweekday"] = [day(value) for value in days] if isinstance(days, list) else day(days)
    return given


def limited(work):
    """Returns what the work does, or raises an error if it takes longer than half a second."""
    def stop(*_):
        raise TooLong

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def first(occurrences, n, end):
    """Returns the first occurrences up to an end."""
    found = []
    for occurrence in occurrences:
        if occurrence > end or len(found) == n:
            break
        found.append(occurrence)
    return found


def naive_case(draw, rule):
    """Returns the vector of a rule without a zone."""
    made = rrule.rrule(**arguments(rule))
    start = made._dtstart
    seconds = lambda time: int((time - start).total_seconds())
    horizon = datetime.timedelta(seconds=HORIZONS[made._freq])
    occurrences = first(made, N_FIRST, start + horizon)
    after = draw.randrange(AHEAD[made._freq])
    later = start + datetime.timedelta(seconds=after)
    found = next((time for time in made if time > later), None)
    found = found if found and found <= later + horizon else None
    return {"rule": rule, "first": [seconds(time) for time in occurrences], "later": [after, found and seconds(found)]}


def draw_rule_in_zone(draw):
    """Returns a rule that has occurrences around a change of the clock."""
    zone = draw.choice(list(CHANGES))
    change = datetime.datetime.fromisoformat(draw.choice(CHANGES[zone]))
    frequency = draw.choice([3, 3, 3, 4, 5, 6])
    start = change - datetime.timedelta(hours=draw.randrange(1, 30), minutes=draw.choice([0, 0, 15, 30, 59]))
    rule = {"freq": FREQUENCIES[frequency], "dtstart": start.strftime(FORMAT), "tz": zone}
    if frequency == 3 or draw.random() < 0.4:
        rule["byhour"] = some(draw, range(5), 3)
    if frequency == 3:
        rule["byminute"] = some(draw, [0, 15, 29, 30, 31, 45, 59], 3)
    else:
        rule["interval"] = [1, 2, 3][draw.randrange(3)] * {4: 1, 5: 10, 6: 600}[frequency]
    return rule


def case_in_zone(rule):
    """Returns the vector of a rule with a zone."""
    made, zone = rrule.rrule(**arguments(rule)), tz.gettz(rule["tz"])
    times = first(made, 1000, made._dtstart + datetime.timedelta(hours=60))
    goes_with_the_clock = made._freq >= rrule.HOURLY and "byhour" not in rule
    instants = set()
    for time in times:
        aware = time.replace(tzinfo=zone)
        if not goes_with_the_clock:
            instants.add(tz.resolve_imaginary(aware).timestamp())
        elif tz.datetime_exists(aware):
            instants.update(aware.replace(fold=fold).timestamp() for fold in (0, 1))
    begin = tz.resolve_imaginary(made._dtstart.replace(tzinfo=zone)).timestamp()
    instants = sorted(int(instant) for instant in instants)
    # Near the end, occurrences that were put off may be missing.
    instants = [instant for instant in instants if begin <= instant < begin + 52 * 3600]
    gaps = [later - earlier for earlier, later in itertools.pairwise(instants)]
    gaps = [[gap, len(list(same))] for gap, same in itertools.groupby(gaps)]
    return {"rule": rule, "instants": [instants[0], *gaps]} if instants else None


def main():
    for package, wanted in VERSIONS.items():
        assert version(package) == wanted, f"{package} {version(package)} instead of {wanted}"
    warnings.simplefilter("ignore")
    draw, cases, n_left_out = random.Random(20260101), [], 0
    while len(cases) < N_RULES:
        rule = draw_rule(draw)
        try:
            cases.append(limited(lambda: naive_case(draw, rule)))
        except (TooLong, ValueError, IndexError):
            # A ValueError is said about rules that never come true, an IndexError about a 53rd weekday.
            n_left_out += 1
    while len(cases) < N_RULES + N_IN_ZONES:
        try:
            case = case_in_zone(draw_rule_in_zone(draw))
            cases.extend([case] if case else [])
        except ValueError:
            n_left_out += 1
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    head = f'"versions":{json.dumps(VERSIONS)},"horizons":{HORIZONS}'
    OUTPUT.write_text(f"{{{head},\"cases\":[\n{lines}\n]}}\n")
    print(f"{len(cases)} rules, {n_left_out} left out, {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
