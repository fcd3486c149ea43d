# uMeter - meterctl, the command line for meters that speak v2 over MQTT
# MIT license; Copyright (c) 2026 The uMeter authors
