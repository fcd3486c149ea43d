# uMeter - meterctl, the command line for meters that speak v2 over MQTT
# MIT license; Copyright (c) 2026 The uMeter authors

import typer

from tools.meterctl.cron import cron
from tools.meterctl.decode import decode
from tools.meterctl.listen import listen
from tools.meterctl.provision import provision
from tools.meterctl.send import send
from tools.meterctl.simulate import SETTINGS, simulate
from tools.meterctl.watch import watch

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def meterctl():
    """Listen to energy meters that publish over MQTT, command them, decode their frames.

    Keys come from a file or the environment, whichever is given first:

    1. --keys FILE
    2. UMETER_KEY, one key for all devices
    3. UMETER_KEYS, the name of a file
    4. the file ~/.config/umeter/keys

    A keys file has one line `serial key` for each device, the key as 32 hex
    digits; the serial * stands for all others, # begins a comment.

    The broker comes from --broker or UMETER_BROKER, its user and password
    from UMETER_MQTT_USER and UMETER_MQTT_PASSWORD.
    """


app.command()(listen)
app.command()(watch)
app.command()(send)
app.add_typer(cron)
app.command()(provision)
app.command()(decode)
app.command(context_settings=SETTINGS)(simulate)


def main():
    app()


if __name__ == "__main__":
    main()
