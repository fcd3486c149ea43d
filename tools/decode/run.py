# uMeter - decodes JSON lines from stdin to stdout, on CPython and MicroPython
# MIT license; Copyright (c) 2026 The uMeter authors

# One line in, one line out, whatever the line holds: `meterctl decode`,
# `python -m tools.decode` or `micropython tools/decode/run.py`.

import json
import sys

PROTOCOLS = ("en61107", "han", "kmp", "v2")  # each a module of this folder
# protocol -> module that has explain(record)
_EXPLAIN = {"en61107": "en61107", "han": "han_explain", "kmp": "kmp_explain", "v2": "v2_explain"}


def rejected(identity, reason):
    return {"id": identity, "result": "reject", "reason": reason}


def _nothing_known(protocol):
    """What every answer has besides id, result and reason."""
    if protocol == "kmp":
        return {"cid": None, "serial": None, "meter_type": None, "registers": [],
                "unstuffed": None}  # fmt: skip
    if protocol == "v2":
        return {"text": None}
    return {"layers" if protocol == "han" else "fields": None, "values": {}}


def decode_record(record):
    """Answer of the protocol's decode(record), a reject with the reason if it has none."""
    if not isinstance(record, dict):
        return rejected(None, "a JSON object is needed")
    identity = record.get("id")
    protocol = record.get("protocol")
    if protocol not in PROTOCOLS:
        return rejected(identity, "unknown protocol")
    try:
        module = __import__("tools.decode." + protocol, None, None, ("decode",))
        answer = module.decode(record)
    # The last line of defence of a filter: one record that a decoder fails on, be it by
    # a mistake of ours, must not cost the answers to all others. The reason names it.
    except Exception as error:
        answer = rejected(identity, "%s: %s" % (type(error).__name__, error))
    answer["id"] = identity
    whole = _nothing_known(protocol)
    whole.update(answer)
    return whole


def explain_record(record):
    """The same for a person, as text of several lines."""
    answer = decode_record(record)
    short = "%s: %s %s" % (answer["id"], answer["result"], answer["reason"] or "")
    protocol = record.get("protocol") if isinstance(record, dict) else None
    if protocol not in PROTOCOLS:
        return short
    try:
        name = "tools.decode." + _EXPLAIN[protocol]
        return __import__(name, None, None, ("explain",)).explain(record)
    except Exception:  # as in decode_record(); its answer says what is wrong
        return short


def decode_line(line, how=decode_record):
    """Bytes of one line -> how(record), an answer or, with explain_record, text."""
    try:
        record = json.loads(line.decode())
    except (ValueError, RuntimeError):  # RuntimeError: nested too deep
        return rejected(None, "no JSON") if how is decode_record else "None: reject no JSON"
    return how(record)


def main(lines, out, explain=False):
    """lines: a binary stream; out: a text stream, flushed after every line."""
    flush = getattr(out, "flush", None)  # MicroPython's stdout needs none
    while True:
        line = lines.readline()
        if not line:
            return
        if line.strip():
            if explain:
                text = decode_line(line, explain_record) + "\n"
            else:
                text = json.dumps(decode_line(line))
            out.write(text + "\n")
            if flush:
                flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout, "--explain" in sys.argv)
