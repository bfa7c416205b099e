def copy_weights(source, target):
    target.load_state_dict(source.state_dict())


def freeze_all_but(model, prefix):
    # TODO: Freeze all parameters but those whose name starts with `prefix`.
    raise NotImplementedError("`freeze_all_but` is not written yet.")
