"""XGBoost. https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html"""
