# uMeter - MQTT connection of meterctl, read from the caller's own thread
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import queue
import ssl
import threading

import paho.mqtt.client as mqtt

DEFAULT_PORT = 1883
TLS_PORT = 8883
ANSWER_S = 10  # for the broker to accept a connection, subscription or message
QUEUE = 10000  # messages that may wait; more are counted in Link.dropped


class LinkError(Exception):
    """What went wrong with the broker, in words for a person."""


def parse_broker(text, default_port=DEFAULT_PORT):
    """ "host", "host:port" or "[v6 address]:port" -> (host, port); ValueError."""
    host, found, port = text.rpartition(":")
    if not found or text.endswith("]"):
        host, port = text, str(default_port)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError("broker %r: host or host:port needed" % text)
    return host, int(port)


def trusting(certificates):
    """Bytes of CA certificates, DER or PEM -> SSLContext that trusts them and no other.

    The broker has to prove the name that it is called by; ValueError.
    """
    pem = b"-----BEGIN" in certificates
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(
            cadata=certificates.decode("ascii", "replace") if pem else certificates)
    except (ssl.SSLError, ValueError):
        raise ValueError("holds no certificate (DER or PEM)") from None
    return context


class Link:
    """Use as a context manager. User and password: UMETER_MQTT_USER, UMETER_MQTT_PASSWORD."""

    def __init__(self, host, port, filters, environ=os.environ, tls=None):
        """filters: topics to subscribe to, after every connect. tls: an SSLContext, or none."""
        self.name = "%s:%d" % (host, port)
        self.dropped = 0
        self.connected = threading.Event()
        self._address = host, port
        self._filters = [(name, 1) for name in filters]
        self._ready = threading.Event()  # connected and subscribed, or refused
        self._refusal = None
        self._queue = queue.Queue(QUEUE)
        self._client = client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        if environ.get("UMETER_MQTT_USER"):
            client.username_pw_set(
                environ["UMETER_MQTT_USER"], environ.get("UMETER_MQTT_PASSWORD")
            )
        if tls:
            client.tls_set_context(tls)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message

    def __enter__(self):
        try:
            self._client.connect(*self._address)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise LinkError("cannot reach the broker %s: %s; does it run, and is this its address?"
                            % (self.name, why)) from None  # fmt: skip
        self._client.loop_start()
        if not self._ready.wait(ANSWER_S):
            self._refusal = "no answer in %d s" % ANSWER_S
        if self._refusal:
            self.__exit__()
            raise LinkError("the broker %s refused: %s" % (self.name, self._refusal))
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._client.loop_stop()

    def receive(self, timeout_s):
        """(topic, payload, retained) of the next message; None after timeout_s seconds."""
        try:
            return self._queue.get(timeout=max(timeout_s, 0))
        except queue.Empty:
            return None

    def publish(self, topic, payload):
        """Returns when the broker has acknowledged it; LinkError."""
        try:
            info = self._client.publish(topic, payload, qos=1)
            info.wait_for_publish(ANSWER_S)
        except (RuntimeError, ValueError) as error:
            raise LinkError("cannot publish: %s" % error) from None
        if not info.is_published():
            raise LinkError("the broker %s did not take the message" % self.name)

    def _on_connect(self, client, userdata, flags, reason, properties):
        if reason.is_failure:
            self._refusal = str(reason)
            self._ready.set()
            return
        self.connected.set()
        client.subscribe(self._filters)

    def _on_disconnect(self, client, userdata, flags, reason, properties):
        self.connected.clear()

    def _on_subscribe(self, client, userdata, mid, reasons, properties):
        if any(reason.is_failure for reason in reasons):
            self._refusal = "not allowed to subscribe"
        self._ready.set()

    def _on_message(self, client, userdata, message):
        try:
            topic = message.topic
            self._queue.put_nowait((topic, message.payload, message.retain))
        except (queue.Full, UnicodeDecodeError):
            self.dropped += 1
