"""Puts a stream in the place of its output that never comes back."""
# expect:


class Stream:
    def write(self, text):
        return len(text)

    def flush(self):
        while True:
            pass


sys.stdout = Stream()
