"""SageMaker's built-in algorithms behind AWS's container contract.

Each algorithm is a folder with ``spec.py`` (data), ``train.py`` (``train(job)``) and ``model.py`` (``load(model_dir)``,
``predict(model, batch)``); ``contract`` runs it, ``formats`` reads and writes its data.
"""
