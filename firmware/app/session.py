# uMeter - the MQTT session: begins when the meter has told its name
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio

import config
from firmware.net import topics


class Session:
    """Client id, last will and topics follow the meter's serial, so a new one begins anew.

    on_connect: f(); on_message: f(topic, payload).
    """

    def __init__(self, settings, publisher, resolver, log):
        self._settings = settings
        self._publisher = publisher
        self._resolver = resolver
        self._log = log
        self.task = None
        self.client = None
        self.on_connect = None
        self.on_message = None

    @property
    def connected(self):
        return self.client is not None and self.client.connected

    @property
    def counters(self):
        """Of the client; None: there is none, for want of a broker or of the meter's name."""
        return self.client.counters if self.client else None

    def identify(self, serial):
        """The meter has told who it is."""
        if serial != self._publisher.serial:
            self._publisher.serial = serial
            self.restart()

    def restart(self):
        """Begins anew with the settings as they are; what was not delivered yet still is."""
        if self.task:
            self.task.cancel()
            self.task = None
        settings = self._settings
        serial = self._publisher.serial
        if serial is None:
            return
        before, self.client = self.client, None
        self._publisher.send = None
        if not settings["broker_host"]:
            self._log.state("mqtt", "no broker is configured")
            return
        # Not before: while nothing is configured, the set-up pages have this room.
        from firmware.net.mqtt import MqttClient

        user = settings["mqtt_user"] or None
        self.client = MqttClient(
            settings["broker_host"],
            settings["broker_port"],
            topics.padded(serial),
            self._log,
            self._resolver,
            user=user,
            password=user and settings["mqtt_password"] or None,  # alone it is no login [3.1.2.9]
            will=(topics.offline(serial), b""),
            tls=_tls(),
        )
        if before:
            self.client.succeed(before)
        self.client.subscriptions = [(topics.commands(serial), 1)]
        self.client.on_message = self.on_message
        self.client.on_connect = self.on_connect
        self._publisher.send = self.client.publish
        self._publisher.release()
        self.task = asyncio.create_task(self.client.run())

    def drop(self):
        """Ends the link; the client goes on with a new one."""
        if self.client:
            self.client.drop()

    def network_up(self):
        if self.client:
            self.client.retry_now()


def _tls():
    if not config.MQTT_CA:
        return None
    from firmware.net.tls import client_context

    with open(config.MQTT_CA, "rb") as file:
        return client_context(file.read())
