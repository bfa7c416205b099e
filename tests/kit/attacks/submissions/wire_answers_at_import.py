"""Says that the module is loaded before it is, and answers a request that is not made yet."""
# expect:

send(asked(), {"kind": "loaded"})
send(asked() + 1, value(0.0))
os._exit(0)
