"""IP Insights jobs: on the log of a real sshd, and on generated users against a count of who was where.

``pytest -s`` prints the figures.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from parity.tabular import FOLDER as TABULAR
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run
from sagewright_algorithms.ip_insights import model
from sagewright_algorithms.ip_insights.spec import SPEC

Array = np.ndarray[Any, Any]
Pair = tuple[str, str]

LOG = TABULAR.parent / "openssh" / "OpenSSH_2k.log"
_ATTEMPT = re.compile(r"(?:Failed|Accepted) password for (?:invalid user )?(\S+) from (\S+) port")
_REPEATED = re.compile(r"message repeated (\d+) times")


def _job(base: Path, pairs: Sequence[Pair], given: dict[str, Any], validation: Sequence[Pair] = ()) -> None:
    """The log is on standard output; the model in base/model."""
    config = base / "input" / "config"
    config.mkdir(parents=True)
    channels = {"train": pairs} | ({"validation": validation} if validation else {})
    for name, rows in channels.items():
        folder = base / "input" / "data" / name
        folder.mkdir(parents=True)
        (folder / "pairs.csv").write_text("".join(f'"{entity}",{address}\n' for entity, address in rows))
    (config / "hyperparameters.json").write_text(json.dumps({name: str(value) for name, value in given.items()}))
    (config / "inputdataconfig.json").write_text(json.dumps({name: {"ContentType": "text/csv"} for name in channels}))
    assert run(SPEC, Environment(base)) == 0, (base / "output" / "failure").read_text()


def _scores(base: Path, pairs: Sequence[Pair]) -> Array:
    body = json.dumps({"instances": [{"features": list(pair)} for pair in pairs]}).encode()
    return model.load(base / "model").predict(model.decode(body, "json"))["dot_product"]


def _attempts() -> list[Pair]:
    """Who tried to log in from where, once for each time."""
    found: list[Pair] = []
    for line in LOG.read_text().splitlines():
        if match := _ATTEMPT.search(line):
            times = _REPEATED.search(line)
            found += [(match[1], match[2])] * (int(times[1]) if times else 1)
    return found


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not LOG.is_file():
        pytest.skip("needs the log in shared/data/openssh")
    base = tmp_path_factory.mktemp("sshd")
    given = {"num_entity_vectors": 1000, "vector_dim": 32, "mini_batch_size": 50, "learning_rate": 0.01, "epochs": 10}
    random = np.random.default_rng(0)
    attempts = _attempts()
    _job(base, [attempts[number] for number in random.permutation(len(attempts))], given)
    return base


def test_attempts_of_the_sshd_log_rank_above_others(sshd: Path) -> None:
    """The same users from the addresses of others, and from addresses that never came."""
    pairs = _attempts()
    random = np.random.default_rng(1)
    known, addresses = set(pairs), sorted({address for _, address in pairs})
    users = [user for user, _ in pairs]
    mixed = [(user, addresses[int(random.integers(len(addresses)))]) for user in users]
    mixed = [pair for pair in mixed if pair not in known]
    foreign = [(user, ".".join(map(str, random.integers(1, 224, 4)))) for user in users]
    own = _scores(sshd, pairs)
    areas = [
        float(roc_auc_score(np.r_[np.ones(len(own)), np.zeros(len(others))], np.r_[own, _scores(sshd, others)]))
        for others in (mixed, foreign)
    ]
    print(f"\nsshd: {len(pairs)} attempts, AUC against others' addresses {areas[0]:.3f}, unknown ones {areas[1]:.3f}")
    assert areas[0] > 0.9
    assert areas[1] > 0.97


def test_where_a_user_of_the_sshd_log_comes_from(sshd: Path) -> None:
    """Each user's addresses, ranked: those that were tried come first, and neighbours before strangers."""
    came: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for user, address in _attempts():
        came[user][address] += 1
    addresses = sorted({address for counts in came.values() for address in counts})
    ranks = []
    for user, counts in came.items():
        if sum(counts.values()) >= 3:
            order = np.argsort(-_scores(sshd, [(user, address) for address in addresses]))
            place = {addresses[number]: rank for rank, number in enumerate(order)}
            ranks.append(place[counts.most_common(1)[0][0]])
    print(f"\nsshd: rank of the usual address of {len(ranks)} users among {len(addresses)}: {sorted(ranks)}")
    assert np.median(ranks) <= 2
    # A login of root from the network of an address that tried it often, against one from nowhere.
    near, far = _scores(sshd, [("root", "183.62.140.7"), ("root", "8.8.8.8")])
    assert near > far


def _users(count: int, pairs: int, seed: int) -> tuple[Array, Array]:
    """Numbers of users and addresses. Each user has one to three networks, /16 to /24, some with others in them."""
    random = np.random.default_rng(seed)
    networks = random.integers(1 << 24, 224 << 24, 2 * count)
    lengths = random.integers(16, 25, 2 * count)
    homes, sizes = random.integers(0, 2 * count, (count, 3)), random.integers(1, 4, count)
    users = random.integers(0, count, pairs)
    chosen = homes[users, (random.random(pairs) * sizes[users]).astype(int)]
    hosts = random.integers(0, 1 << 32, pairs) & ((1 << (32 - lengths[chosen])) - 1)
    return users, (networks[chosen] >> (32 - lengths[chosen]) << (32 - lengths[chosen])) | hosts


def test_generated_users(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """No worse than who was seen in which network before: the best of such counts, over the lengths of the networks."""
    users, addresses = _users(1000, 60_000, 0)
    texts = [".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0)) for address in addresses.tolist()]
    pairs = [(f"user {user}", text) for user, text in zip(users.tolist(), texts, strict=True)]
    given = {"num_entity_vectors": 2000, "vector_dim": 64, "mini_batch_size": 1000, "learning_rate": 0.005}
    _job(tmp_path, pairs[:50_000], {**given, "epochs": 5}, pairs[50_000:])
    found = float(re.findall(r"validation discriminator_auc <score>=(\S+)", capfd.readouterr().out)[-1])
    counted = max(_counted(users, addresses, 50_000, length) for length in (16, 20, 24))
    print(f"\n1,000 generated users: AUC {found:.4f}, counts of networks {counted:.4f}")
    assert found >= 0.97
    assert found >= counted - 0.005


def _counted(users: Array, addresses: Array, train: int, length: int) -> float:
    """AUC of: how often was this user in this network?"""
    networks = addresses >> (32 - length)
    counts = Counter(zip(users[:train].tolist(), networks[:train].tolist(), strict=True))
    random = np.random.default_rng(2)
    test = slice(train, None)
    others = random.integers(0, 1 << 32, len(users[test])) >> (32 - length)
    scores = [
        [counts[pair] for pair in zip(users[test].tolist(), some.tolist(), strict=True)]
        for some in (networks[test], others, random.permutation(networks[test]))
    ]
    labels = np.repeat([1, 0, 0], len(users[test]))
    return float(roc_auc_score(labels, np.concatenate(scores)))
