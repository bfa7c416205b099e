"""Has a function that refuses its arguments, and whose signature never comes."""
# expect: gradients=timeout rest=passed


class Function:
    @property
    def __signature__(self):
        while True:
            pass

    def __call__(self, *args, **kwargs):
        raise TypeError("none of these fits")


gradients = Function()
