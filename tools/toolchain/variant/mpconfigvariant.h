// uMeter - unix port variant that behaves like the ESP32 port: 32-bit objects, single floats
// MIT license; Copyright (c) 2026 The uMeter authors

// AES-CTR stays off on purpose: no ESP32 image has it, so the firmware may not rely on it.
#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)
#include "variants/mpconfigvariant_common.h"
#undef MICROPY_FLOAT_IMPL
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_FLOAT)
#undef MICROPY_ERROR_REPORTING
#define MICROPY_ERROR_REPORTING (MICROPY_ERROR_REPORTING_NORMAL)
