# uMeter - which of several Wi-Fi networks is tried, in which order, and when to look for a better
# MIT license; Copyright (c) 2026 The uMeter authors

# A pure core: no radio, no clock. A network is (ssid, password); its rank is its place in a list
# whose last one may be the fallback. Times are whole seconds of uptime.

from micropython import const

_LOOK_S = const(60)  # on the fallback: between two looks for a better network
_LOOK_RANKED_S = const(600)  # the same on a network that is only of a lower priority
_LOOK_MOST_S = const(7200)
_GUESTS_S = const(540)  # so much later while somebody uses our own network: a scan mutes it
_SETTLED_S = const(300)  # who held so long is a network to stay with
_BLAME_S = const(600)  # a network behind which nothing answered comes last for so long


def order(networks, fallback, seen, shunned, turn):
    """Networks in the order in which they are to be tried.

    networks: by priority. fallback: network or None; comes after all others, but before those
    of `shunned` (SSIDs). seen: SSIDs of a scan, "" if it met hidden ones; None without a scan:
    then all are tried. Of those that were not seen one is tried nevertheless, by `turn`: a scan
    misses some.
    """
    first, unseen, last = [], [], []
    for network in networks:
        if network[0] in shunned:
            last.append(network)
        elif seen is None or network[0] in seen:
            first.append(network)
        else:
            unseen.append(network)
    if unseen and "" not in seen:
        unseen = [unseen[turn % len(unseen)]]
    first += unseen
    if fallback:
        if fallback[0] in shunned:
            last.append(fallback)
        else:
            first.append(fallback)
    return first + last


class Plan:
    """What the radio's owner has learnt."""

    def __init__(self):
        self._rank = 0  # of the network that we are in
        self._blamed = {}  # ssid -> uptime until which it comes last
        self._turn = 0
        self.postponed = []  # networks that the last round had no time for
        self._look_s = 0  # between two looks for a better network
        self._look_at = None  # uptime of the next; None: there is no better one
        self._vain = 0  # how often in a row we left for a better one and came back
        self._left = None  # rank of the network that we left for a better one

    def order(self, networks, fallback, seen, now):
        self._turn += 1
        return order(networks, fallback, seen, self.shunned(now), self._turn)

    def shunned(self, now):
        """SSIDs that come last."""
        return [ssid for ssid in self._blamed if now < self._blamed[ssid]]

    def blame(self, ssid, now):
        """We were connected, and nothing answered."""
        self._blamed[ssid] = now + _BLAME_S

    def praise(self, ssid):
        """Something answered behind it."""
        self._blamed.pop(ssid, None)

    def arrived(self, rank, is_fallback, now):
        """Connected; rank 0 is the best network."""
        self._rank = rank
        if self._left is not None and rank >= self._left:
            self._left = None
            self._vain = min(self._vain + 1, 7)
        if rank == 0:
            self._look_at = None
            return
        base = _LOOK_S if is_fallback else _LOOK_RANKED_S
        self._look_s = min(base << self._vain, _LOOK_MOST_S)
        self._look_at = now + self._look_s

    def lost(self, lasted):
        """The network is gone after so many seconds."""
        if lasted >= _SETTLED_S and (self._rank == 0 or self._left is not None):
            self._left = None
            self._vain = 0

    def wants_look(self, now, guests):
        """Whether a scan is due that may find a better network. guests: our own is in use."""
        wait = _GUESTS_S if guests else 0
        return self._look_at is not None and now >= self._look_at + wait

    def looked(self, better, seen, now):
        """After that scan. better: networks above the present one. True: leave for them."""
        self._look_at = now + self._look_s
        shunned = self.shunned(now)
        for network in better:
            if network[0] not in shunned and (network[0] in seen or "" in seen):
                self._left = self._rank
                return True
        return False
