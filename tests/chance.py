# uMeter - where tests take their chances: make test repeats itself, make soak does not
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import random

import hypothesis

SOAK = "UMETER_FUZZ" in os.environ
# UMETER_SEED repeats a campaign that has failed: the message of the failure tells it.
SEED = int(os.environ.get("UMETER_SEED", random.SystemRandom().randrange(2**32) if SOAK else 1))


def set_up_hypothesis():
    """No deadlines: what else runs on the machine is nothing that the code could fail in."""
    slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile(
        "umeter", deadline=None, derandomize=not SOAK, suppress_health_check=slow
    )
    hypothesis.settings.load_profile("umeter")
