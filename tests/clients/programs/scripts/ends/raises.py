import argparse


def work(value):
    raise ValueError(f"cannot work with {value}")


parser = argparse.ArgumentParser()
parser.add_argument("--value")
work(parser.parse_args().value)
