"""What the columns and the classes are called."""

FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
NAMES = ("setosa", "versicolor", "virginica")
