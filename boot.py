# uMeter - first file the chip runs; what to do is in main.py
# MIT license; Copyright (c) 2026 The uMeter authors
