#!/usr/bin/env python3
"""The stable and panic rule a second time, and the table that the crate must reproduce.

Written from the published rule, with no thought for speed: it keeps the whole history and looks everything up in it at
every tick. Standard library only. To make the table again:

    python3 crates/cloudlot-serverless/tests/kpa/reference.py > crates/cloudlot-serverless/tests/kpa/ticks.csv

The same bytes come out on every run: chance is the small generator below.
"""

import math

TICK = 2  # seconds


class Lcg:
    """Knuth's 64-bit linear congruential generator (MMIX); the upper 32 bits are used."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 32) * bound >> 32


# ---- The rule ------------------------------------------------------------------------------------------------------------


def average(seen, now, width):
    """Over the seconds of `seen` (second -> thousandths) in the last `width` seconds up to `now`."""
    if not seen:
        return 0.0
    last = max(seen)
    begin = last
    for second in sorted(seen, reverse=True):
        if begin - second >= width:
            break  # a silence as long as the window: what came before is forgotten
        begin = second
        if second <= now - width:
            break
    held = [seen.get(second, 0) for second in range(max(begin, now - width + 1), last + 1)]
    return sum(held) / (1000 * len(held)) if held else 0.0


def replay(rows, setting):
    """Yields (desired, panicking, excess) for rows of (now, {second: thousandths}, ready)."""
    s = setting
    narrow = max(1, (s["stable"] * s["panic_pct"] * 2 + 100) // 200)
    target = s["cc"] * (s["util_pct"] / 100)
    seen, over, raw, answers = {}, [], [], []
    for now, news, ready in rows:
        for second, milli in news.items():
            seen[second] = seen.get(second, 0) + milli
        # Two windows back are enough to see where a window began.
        near = {k: v for k, v in seen.items() if k > now - 2 * s["stable"] - 2}
        calm_avg, rush_avg = average(near, now, s["stable"]), average(near, now, narrow)
        r = max(1, ready)
        up = math.ceil(s["up"] * r)
        down = math.floor(r / s["down"]) if s["reachable"] else 0
        both = []
        for avg in (calm_avg, rush_avg):
            wants = math.ceil(avg / target)
            kept = min(max(wants, down), up)
            if wants > 0:
                kept = max(kept, s["activation"]) if s["activation"] > 1 else kept
            both.append(kept)
        if math.ceil(rush_avg / target) / r >= s["threshold_pct"] / 100:
            over.append(now)
        panicking = bool(over) and now - over[-1] <= s["stable"]
        raw.append((panicking, max(both)))
        desired = both[0]
        if panicking:
            desired = 0
            for was_panicking, most in reversed(raw):
                if not was_panicking:
                    break
                desired = max(desired, most)
        answers.append((now, desired))
        if s["delay"] > 0:
            desired = max(d for t, d in answers[-(s["delay"] // TICK + 2):] if now - t < s["delay"])
        excess = math.floor(ready * s["cc"] - s["burst"] - rush_avg)
        yield desired, panicking, excess


# ---- The load: second -> thousandths of a request, None where nothing was observed ---------------------------------------


def steps(chance, seconds, scale):
    """A level for one to three minutes, then another; every third is zero."""
    level, left, out = 0, 20, []
    for _ in range(seconds):
        if left == 0:
            level = 0 if chance.below(3) == 0 else chance.below(scale)
            left = 60 + chance.below(120)
        left -= 1
        out.append(level)
    return out


def bursts(chance, seconds, scale):
    """A low and trembling load; now and then some seconds of up to twenty times as much."""
    out, left, high = [], 0, 0
    for _ in range(seconds):
        if left == 0 and chance.below(90) == 0:
            left, high = 2 + chance.below(25), 1 + chance.below(20)
        base = scale // 20 + chance.below(max(1, scale // 10))
        out.append(base * high if left > 0 else base)
        left = max(0, left - 1)
    return out


def gaps(chance, seconds, scale):
    """Some load, single seconds lost, and silences shorter and longer than either window."""
    out, silent = [], 0
    for _ in range(seconds):
        if silent == 0 and chance.below(60) == 0:
            silent = (1, 3, 5, 6, 7, 20, 59, 60, 61, 90)[chance.below(10)]
        lost = silent > 0 or chance.below(25) == 0
        out.append(None if lost else chance.below(scale))
        silent = max(0, silent - 1)
    return out


def arrivals(chance, seconds, scale):
    """Calls that arrive by chance and run for a while; a second's thousandths are the milliseconds of work in it.

    Every millisecond a call arrives with the chance of a rate that itself changes every 40 s; it runs 20 ms to 1.2 s, one
    in twenty ten times as long.
    """
    work, rate = [0] * (seconds + 15), 0
    for ms in range(seconds * 1000):
        if ms % 40_000 == 0:
            rate = 0 if chance.below(4) == 0 else chance.below(scale)
        if chance.below(1_000_000) < rate:
            left = (20 + chance.below(1180)) * (10 if chance.below(20) == 0 else 1)
            at = ms
            while left > 0:
                part = min(left, 1000 - at % 1000)
                work[at // 1000] += part
                at, left = at + part, left - part
    return work[:seconds]


def edges(chance, seconds, scale):
    """Whole multiples of `scale`, held for ten seconds, at times a thousandth more or less: where rounding up decides."""
    out, level = [], 0
    for second in range(seconds):
        if second % 10 == 0:
            level = max(0, scale * chance.below(9) + chance.below(3) - 1)
        out.append(level)
    return out


# ---- The table -----------------------------------------------------------------------------------------------------------

DEFAULT = dict(stable=60, panic_pct=10, threshold_pct=200, cc=100, util_pct=70, up=1000.0, down=2.0, burst=211,
               activation=1, delay=0, reachable=True)

# name, load, scale of the load, changed settings, first second, ticks, seed, start delay in ticks
SERIES = [
    ("default-steps", steps, 4_000_000, {}, 0, 900, 1, 4),
    ("default-bursts", bursts, 600_000, {}, 1_000_003, 900, 2, 3),
    ("default-gaps", gaps, 900_000, {}, 7, 900, 3, 5),
    ("default-arrivals", arrivals, 900_000, dict(), 59, 900, 4, 2),
    ("small-steps", steps, 30_000, dict(cc=1, util_pct=70), 1, 900, 5, 3),
    ("small-arrivals", arrivals, 20_000, dict(cc=1, util_pct=100, burst=0), 0, 900, 6, 1),
    ("small-bursts", bursts, 9_000, dict(cc=3, util_pct=70, threshold_pct=110), 33, 900, 7, 6),
    ("small-edges", edges, 2_100, dict(cc=3, util_pct=70, stable=20, panic_pct=25), 12, 900, 8, 2),
    ("edges", edges, 70_000, dict(stable=30, panic_pct=35), 5, 900, 9, 0),
    ("delay-steps", steps, 2_000_000, dict(delay=30), 0, 700, 10, 4),
    ("delay-gaps", gaps, 40_000, dict(cc=10, delay=61), 3, 700, 11, 3),
    ("delay-arrivals", arrivals, 60_000, dict(cc=2, util_pct=80, delay=600), 0, 700, 12, 2),
    ("activation-steps", steps, 900_000, dict(activation=5), 0, 700, 13, 7),
    ("activation-arrivals", arrivals, 4_000, dict(cc=1, activation=3, up=1.5), 0, 700, 14, 2),
    ("slow-steps", steps, 3_000_000, dict(cc=10, up=1.1, down=1.05), 0, 700, 15, 1),
    ("slow-bursts", bursts, 900_000, dict(cc=10, up=1.3, down=1.7, threshold_pct=1000), 44, 700, 16, 3),
    ("unreachable-gaps", gaps, 300_000, dict(cc=20, up=2.0, reachable=False), 10, 700, 17, 2),
    ("short-windows", bursts, 90_000, dict(cc=10, stable=7, panic_pct=50, threshold_pct=150), 0, 700, 18, 1),
]


def make(load, scale, setting, start, ticks, seed, wait):
    """Runs the rule in a loop with the load: what it wants is ready `wait` ticks later, what it does not want goes at once."""
    chance = Lcg(seed)
    levels = load(chance, ticks * TICK, scale)
    asked, pushed = [], []

    def rows():
        ready = 0
        for tick in range(ticks):
            news = {start + TICK * tick + k: levels[TICK * tick + k] for k in range(TICK)}
            # What was wanted `wait` ticks ago has started, unless it was called off since.
            if asked:
                ready = min(asked[max(0, len(asked) - 1 - wait):])
            if chance.below(40) == 0:
                ready -= chance.below(ready + 1)  # some fall ill
            pushed.append((start + TICK * tick + TICK - 1, news, ready))
            yield (pushed[-1][0], {k: v for k, v in news.items() if v is not None}, ready)

    for answer in replay(rows(), setting):
        asked.append(answer[0])
        now, news, ready = pushed[-1]
        yield now, news, ready, answer


def main():
    total = sum(series[5] for series in SERIES)
    print("# Ticks of the stable and panic rule, made by reference.py beside this file; do not edit. All of it is synthetic.")
    print("# S: a series: name, stable window (s), panic window (%), panic threshold (%), container concurrency, target (%),")
    print("#    scale-up rate, scale-down rate, target burst capacity, activation scale, scale-down delay (s), reachable;")
    print("#    then how the load was made: function of reference.py, its scale, seed, start delay (ticks).")
    print("# Else a tick: its second, the thousandths of a request in flight in the second before and in this one (empty: not")
    print("#    observed), ready; then the answers: desired, panicking, excess burst.")
    print(f"# {len(SERIES)} series, {total} ticks of {TICK} s.")
    for name, load, scale, changed, start, ticks, seed, wait in SERIES:
        s = {**DEFAULT, **changed}
        print("S", name, s["stable"], s["panic_pct"], s["threshold_pct"], s["cc"], s["util_pct"], s["up"], s["down"],
              s["burst"], s["activation"], s["delay"], int(s["reachable"]), load.__name__, scale, seed, wait, sep=",")
        for now, news, ready, (desired, panicking, excess) in make(load, scale, s, start, ticks, seed, wait):
            told = ["" if milli is None else milli for milli in news.values()]
            print(now, *told, ready, desired, int(panicking), excess, sep=",")


if __name__ == "__main__":
    main()
