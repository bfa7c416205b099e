"""Never ends, whatever is asked."""
# expect:


def predict(*a, **k):
    while True:
        pass


mse = gradients = numerical_gradients = update = predict
