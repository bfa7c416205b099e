"""Replaces the encoder of the worker, so that it sends verdicts."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    codec, worker = sys.modules["grader.wire.codec"], sys.modules["grader.worker.service"]
    data = codec.encode({"kind": "passed", "score": 7})
    codec.encode = worker.encode = worker.encode_answer = lambda *a, **k: data
