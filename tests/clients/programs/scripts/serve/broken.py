def model_fn(model_dir):
    raise OSError(f"no weights in {model_dir}")
