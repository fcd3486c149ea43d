# uMeter - threads in virtual time: what waits in one goes on when the clock has reached its end
# MIT license; Copyright (c) 2026 The uMeter authors

# Real threads would run at random moments of a clock that leaps. So a thread's function is called
# at once; where a fake would wait, Later leaves it, and it is called anew at the end of the wait,
# which then returns. It may wait once only, and must not mind to be left there.

import sys
from _thread import allocate_lock, exit, get_ident, stack_size  # noqa: F401

_inside = False
_waited = False


class Later(BaseException):
    """args[0]: ms."""


def start_new_thread(function, args):
    _call((function, args, False))
    return 1


def _call(thread):
    global _inside, _waited
    function, args, waited = thread
    before = _inside, _waited
    _inside, _waited = True, waited
    try:
        function(*args)
    except Later as wait:
        from time import _after

        _after(wait.args[0], _call, (function, args, True))
    except Exception as error:
        sys.print_exception(error)  # as the chip does; the others go on
    finally:
        _inside, _waited = before


def wait(ms):
    """Of a fake that keeps its caller waiting."""
    if not _inside:
        from time import sleep_ms

        sleep_ms(ms)  # on the loop: everything stands still
    elif not _waited:
        raise Later(ms)
