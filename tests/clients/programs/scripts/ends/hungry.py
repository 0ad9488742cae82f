import time

held = []
while True:
    held.append(bytearray(b"x" * 50_000_000))
    time.sleep(0.05)
