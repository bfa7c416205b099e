"""Has a function whose signature never comes."""
# expect: gradients=timeout rest=passed


class Function:
    @property
    def __signature__(self):
        while True:
            pass

    __call__ = staticmethod(formula)


gradients = Function()
