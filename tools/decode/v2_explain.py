# uMeter - a v2 message for a person
# MIT license; Copyright (c) 2026 The uMeter authors

from tools.decode import v2

_MAC, _IV = 32, 16  # bytes


def explain(record):
    """The topic's parts, the envelope's parts, the text, as text of several lines."""
    answer = v2.decode(record)
    lines = ["%s: %s %s" % (record.get("id"), answer["result"], answer["reason"] or "")]
    lines[0] = lines[0].rstrip()
    topic = record.get("topic")
    if isinstance(topic, str):
        lines.append("  topic        " + topic)
    payload = record.get("payload")
    if isinstance(payload, str):
        mac, iv = payload[: 2 * _MAC], payload[2 * _MAC : 2 * (_MAC + _IV)]
        rest = payload[2 * (_MAC + _IV) :]
        good = "right" if answer["result"] == "values" else "see above"
        lines.append("  HMAC-SHA256  %s  %s" % (mac, good))
        lines.append("  IV           " + iv)
        lines.append("  ciphertext   %d bytes  %s" % (len(rest) // 2, rest))
    if answer["text"] is not None:
        lines.append("  text")
        for group in answer["text"].split("&"):
            if group:
                lines.append("    " + group)
    return "\n".join(lines)
