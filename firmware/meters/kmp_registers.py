# uMeter - KMP registers and the names that their values have in a Reading
# MIT license; Copyright (c) 2026 The uMeter authors

# Register ids: 5512-447 M1 section 5.2 (MULTICAL 601).

# One text takes less of the heap than a dictionary of so many.
_NAMES = (
    " 60 energy_e1 63 energy_e3 61 energy_e4 62 energy_e5 94 energy_e2 95 energy_e6"
    " 96 energy_e7 97 energy_e8 110 energy_e9 64 tariff_ta2 65 tariff_ta3 68 volume_v1"
    " 69 volume_v2 72 mass_m1 73 mass_m2 74 flow_1 75 flow_2 80 power_1 84 input_a"
    " 85 input_b 86 temp_t1 87 temp_t2 88 temp_t3 122 temp_t4 89 temp_diff 91 pressure_p1"
    " 92 pressure_p2 99 info 175 error_hours 155 energy_high_resolution"
    " 266 energy_high_resolution 1002 meter_clock 1003 meter_date 1004 hours "
)

SAMPLE = (60, 68, 1004, 86, 87, 89, 74, 80)  # what servers of MeterLogger store
VOLUME = (68, 1004, 74)


def name(rid):
    at = _NAMES.find(" %d " % rid)
    if at < 0:
        return "register_%d" % rid
    at = _NAMES.find(" ", at + 1) + 1
    return _NAMES[at : _NAMES.find(" ", at)]
