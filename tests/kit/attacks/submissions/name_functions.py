"""Has objects in the place of functions that cannot be called as they say."""
# expect: predict=failed mse=failed gradients=failed


class Function:
    __signature__ = property(lambda self: 1 / 0)

    def __call__(self, *a, **k):
        return 0.0


class Everything:
    def __getattr__(self, name):
        raise KeyboardInterrupt


predict, mse, gradients = Function(), 5, type("Function", (), {"__call__": 7})()
numerical_gradients = Everything()
update = property(lambda: 0)
