"""An MNIST-style script of PyTorch's on scikit-learn's digits, with functions of its own for serving."""

import argparse
import json
import os

import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.convolution = nn.Conv2d(1, 8, 3, padding=1)
        self.hidden = nn.Linear(8 * 16, width)
        self.out = nn.Linear(width, 10)

    def forward(self, images):
        seen = nn.functional.max_pool2d(torch.relu(self.convolution(images)), 2)
        return self.out(torch.relu(self.hidden(seen.flatten(1))))


def load(folder, name):
    table = np.loadtxt(os.path.join(folder, f"{name}.csv"), delimiter=",", dtype=np.float32)
    return torch.from_numpy(table[:, 1:].reshape(-1, 1, 8, 8) / 16), torch.from_numpy(table[:, 0]).long()


def train(args):
    torch.manual_seed(args.seed)
    images, labels = load(args.data_dir, "train")
    model = Net(args.width)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(1, args.epochs + 1):
        for picked in torch.randperm(len(images)).split(args.batch_size):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images[picked]), labels[picked])
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch}: train_loss={loss.item():.4f};")
    images, labels = load(args.data_dir, "test")
    with torch.no_grad():
        accuracy = (model.eval()(images).argmax(1) == labels).float().mean().item()
    print(f"test_accuracy={accuracy:.4f};")
    torch.save({"state": model.state_dict(), "width": args.width}, os.path.join(args.model_dir, "model.pth"))


def model_fn(model_dir):
    saved = torch.load(os.path.join(model_dir, "model.pth"), weights_only=True)
    model = Net(saved["width"])
    model.load_state_dict(saved["state"])
    return model.eval()


def input_fn(request_body, request_content_type):
    assert request_content_type == "application/json", request_content_type
    return torch.tensor(json.loads(request_body)["images"], dtype=torch.float32).reshape(-1, 1, 8, 8) / 16


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data-dir", default=os.environ["SM_CHANNEL_TRAINING"])
    parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--num-gpus", type=int, default=os.environ["SM_NUM_GPUS"])
    parser.add_argument("--hosts", type=json.loads, default=os.environ["SM_HOSTS"])
    parser.add_argument("--current-host", default=os.environ["SM_CURRENT_HOST"])
    assert os.environ["MASTER_ADDR"] == "algo-1"
    train(parser.parse_args())
