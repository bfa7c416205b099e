"""Never ends loading, and does not listen."""
# expect:

while True:
    try:
        while True:
            pass
    except BaseException:
        continue
