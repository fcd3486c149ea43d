# uMeter - make webflash: a page that flashes boards from the browser
# MIT license; Copyright (c) 2026 The uMeter authors
