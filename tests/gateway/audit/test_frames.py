from gateway.audit.frames import HEADER_SIZE, Kind, pack, resync, scan, unpack


def test_frames_come_back_in_order_with_their_positions() -> None:
    data = pack(Kind.INTENT, b"one") + pack(Kind.CALL, b"") + pack(Kind.OUTCOME, b"three")
    frames = list(scan(data, 0, base=100))
    assert [(f.kind, f.payload) for f in frames] == [
        (Kind.INTENT, b"one"),
        (Kind.CALL, b""),
        (Kind.OUTCOME, b"three"),
    ]
    assert frames[0].start == 100
    assert frames[0].end == frames[1].start == 100 + HEADER_SIZE + 3
    assert frames[2].end == 100 + len(data)


def test_a_frame_cut_anywhere_is_no_frame() -> None:
    data = pack(Kind.OUTCOME, b"payload")
    assert all(unpack(data[:cut], 0) is None for cut in range(len(data)))


def test_every_flipped_bit_is_found() -> None:
    data = pack(Kind.OUTCOME, b'{"r":"req_1"}')
    for position in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            assert unpack(bytes(damaged), 0) is None, (position, bit)


def test_reading_goes_on_behind_damage() -> None:
    good = pack(Kind.OUTCOME, b"after")
    buffer = b"SJ noise SJ" + good
    assert resync(buffer, 1) == len(buffer) - len(good)
    assert resync(b"SJ noise SJ", 0) is None
