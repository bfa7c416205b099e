"""Prints what clears a terminal, sets its title, types into it and hides what follows."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    print("\x1b[2J\x1b]0;owned\x07\x1b[8m\x1bP+q\x1b\\\x9b31m\r\b\x7f\u202e<script>[bold]")
    raise ValueError("\x1b[2J\x1b[31mPASSED\x07\r\u202e</pre><script>alert(1)</script>[red]")
