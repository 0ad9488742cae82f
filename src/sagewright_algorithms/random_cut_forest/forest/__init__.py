"""Random cut forests: ``forest.Forest`` of given samples, ``stream.Stream`` that follows a stream of points.

A library of its own: it knows nothing of training jobs. Guha, Mishra, Roy and Schrijvers, "Robust Random Cut Forest
Based Anomaly Detection on Streams", ICML 2016.
"""
