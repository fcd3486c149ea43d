# uMeter - known answers for the crypto tests, importable on both engines
# MIT license; Copyright (c) 2026 The uMeter authors

from binascii import unhexlify

MASTER = "ef500c9268cf749016d26d6cbfaaf7bf"
AES_KEY = unhexlify("89a5d4f82ad86bc9ec27427e246fd154")
MAC_KEY = unhexlify("81663afea8c463d93cc93c967c9b31be")

_COUNTED = "000102030405060708090a0b0c0d0e0f"
_SAMPLE_IV = "54cd3d04f024e7e5c4876248cc146c41"
_SAMPLE = (
    b"heap=21376&t1=23.61 C&t2=22.19 C&tdif=1.42 K&flow1=0 l/h&effect1=0.0 kW"
    b"&hr=73327 h&v1=1321.27 m3&e1=56.726 MWh&"
)
_SAMPLE_CIPHERTEXT = (
    "9616bb291182861b7a5ea238a0c26711554a73a6da04b49f19c4c940722cea53"
    "8e7976ba733b58b83fa3ec3ce31bc3ded70f594c6f4adfa48f931145bfe13747"
    "8c5011c4edc8ece70a921faaa8f5f469e19505e7c582254090521ce07cca92da"
    "8cbb330ce8ddf186dd171fad1d8bd596"
)
_PADDING_BLOCK = "1fb8129a6190c399b396b1d20ec55ad2"

# (topic, text, IV, HMAC, ciphertext), all made by independent programs
ENVELOPES = [
    (
        b"/config/v2/9999999/1700000000/ping",
        b"1",
        _COUNTED,
        "055342ff20b30ac5057b3b55e9e62fd8f87f87e198c1663c0ff6f194ab6eb2f8",
        "24b84cdbc567fc217019f4a0c30fb96c",
    ),
    (
        b"/config/v2/9999999/1700000000/open_until",
        b"57000",
        _COUNTED,
        "89446672a1a68e5565bd6246339332a7c61d74480a8b5ef742c0feebeb881b3a",
        "aa128ee99d494e5432db8044cb378386",
    ),
    (
        b"/sample/v2/7210086/1466572820",
        _SAMPLE,
        _SAMPLE_IV,
        "46c9ca8472d417be0526d8b78647afbe2075c6f8fabbb5ca0675c41128c68092",
        _SAMPLE_CIPHERTEXT + _PADDING_BLOCK,
    ),
    (
        b"/ping/v2/9999999/1700000001",
        b"",
        _COUNTED,
        "400be96e31c77ffede64c234d2a9b2d8573f947c9a27213e94ca889cc7ef5428",
        "e357dffa41d71159ccfe24f7fd50f10f",
    ),
]

# The sample as devices sealed it until July 2025: filled with zeros, here none are needed.
OLD_ENVELOPE = (
    b"/sample/v2/7210086/1466572820",
    _SAMPLE,
    _SAMPLE_IV,
    "5dd32b111107f40210444a6deef54642bb71cb373d8b97f677e4f5c452c3a92b",
    _SAMPLE_CIPHERTEXT,
)


def payload(iv, mac, ciphertext):
    return unhexlify(mac + iv + ciphertext)


# D. McGrew, J. Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 1 to 4:
# (key, IV, plaintext, additional data, ciphertext, tag)
_KEY = "feffe9928665731c6d6a8f9467308308"
_IV = "cafebabefacedbaddecaf888"
_PLAINTEXT = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
_CIPHERTEXT = (
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
    "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985"
)
GCM = [
    ("00" * 16, "00" * 12, "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"),
    (
        "00" * 16,
        "00" * 12,
        "00" * 16,
        "",
        "0388dace60b6a392f328c2b971b2fe78",
        "ab6e47d42cec13bdf53a67b21257bddf",
    ),
    (_KEY, _IV, _PLAINTEXT, "", _CIPHERTEXT, "4d5c2af327cd64a62cf35abd2ba6fab4"),
    (
        _KEY,
        _IV,
        _PLAINTEXT[:120],
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        _CIPHERTEXT[:120],
        "5bc94fbc3221a5db94fae95ae7121a47",
    ),
]
# DLMS UA Green Book, example of a ciphered GET request for the clock, encryption only
GCM_ENCRYPTION_ONLY = (
    "000102030405060708090a0b0c0d0e0f",
    "4d4d4d0000bc614e01234567",
    "c0010000080000010000ff0200",
    "411312ff935a47566827c467bc",
)
