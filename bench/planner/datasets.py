# SPDX-License-Identifier: Apache-2.0
"""The data sets of the studies: photographs of 1,000 classes (hard), solar cells of two (easy), in four forms."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from harness import DATA, ROOT, Settings, run_smol

FORMS = {"161-png": "png", "161-q95": "jpeg:95", "161-q75": "jpeg:75"}
MODELS = [ROOT / f"demo/models/efficientnet_lite{i}.yaml" for i in range(3)]


@dataclass(frozen=True)
class PlannedSet:
    """A dataset file and what it is.

    Attributes:
        name: for tables.
        file: YAML for `smol plan`.
        classes, train, test: sizes; train is 0 where nothing was trained here.
    """

    name: str
    file: Path
    classes: int
    train: int
    test: int


def write_dataset(
    folder: Path,
    pictures: Path,
    labels: dict[str, int],
    models: list[Path],
    settings: Settings,
    forms: Mapping[str, str] = MappingProxyType(FORMS),
) -> Path:
    """Makes the renditions beside the pictures and the dataset file over all."""
    renditions = {"full": str(pictures)}
    for name, form in forms.items():
        run_smol(
            settings, "rendition", str(pictures), "--short-side", "161", "--format", form, "-o", str(folder / name)
        )
        renditions[name] = name
    with open(folder / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows([("item", "label"), *sorted(labels.items())])
    listed = ", ".join(f"{name}: {{path: '{path}'}}" for name, path in renditions.items())
    dataset = folder / "dataset.yaml"
    dataset.write_text(
        f"renditions: {{{listed}}}\nlabels: labels.csv\nmodels: {json.dumps([str(model) for model in models])}\n"
    )
    return dataset


def photos(settings: Settings, forms: Mapping[str, str] = MappingProxyType(FORMS)) -> PlannedSet:
    """400 photographs, one a class, and three EfficientNets."""
    folder = settings.scratch / ("photos" if forms == FORMS else "photos-" + "-".join(forms))
    folder.mkdir()
    source = DATA / "imagenet-sample"
    with open(source / "labels.csv", newline="") as file:
        labels = {Path(row["file"]).name: int(row["label"]) for row in csv.DictReader(file)}
    return PlannedSet("photos", write_dataset(folder, source, labels, MODELS, settings, forms), 1000, 0, len(labels))


def cells(settings: Settings) -> PlannedSet:
    """600 photographs of solar cells: half of them train a linear probe for each net, the others are planned with."""
    folder = settings.scratch / "cells"
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
    source = DATA / "elpv"
    with open(source / "labels.csv", newline="") as file:
        labels = {row["file"]: int(float(row["defect_probability"]) >= 0.5) for row in csv.DictReader(file)}
    names = sorted(labels)
    order = np.random.default_rng(1).permutation(len(names))
    parts = {
        "train": [names[i] for i in order[: len(names) // 2]],
        "test": [names[i] for i in order[len(names) // 2 :]],
    }
    for part, chosen in parts.items():
        for name in chosen:
            (folder / part / name).symlink_to((source / name).resolve())
    models = [probe(settings, folder, model, labels) for model in (MODELS[0], MODELS[2])]
    test = {name: labels[name] for name in parts["test"]}
    file_ = write_dataset(folder, folder / "test", test, models, settings)
    return PlannedSet("cells", file_, 2, len(parts["train"]), len(test))


def probe(settings: Settings, folder: Path, model: Path, labels: dict[str, int]) -> Path:
    """The net with a linear probe in place of its classifier, fitted on the embedded training pictures."""
    import onnx
    import pyarrow.dataset
    from onnx import numpy_helper

    network = onnx.load(model.with_suffix(".onnx"))
    classifier = network.graph.node[-1]
    features = classifier.input[0]
    card = model.read_text().replace("task: classification", "task: embedding")
    card = "\n".join(line for line in card.splitlines() if not line.startswith("output:"))
    embedding = folder / f"{model.stem}-embedding"
    del network.graph.node[-1]
    network.graph.output[0].name = features
    shape = network.graph.output[0].type.tensor_type.shape
    weights = {entry.name: entry for entry in network.graph.initializer}
    width = weights[classifier.input[1]].dims[1]
    shape.dim[1].dim_value = width
    onnx.save(network, f"{embedding}.onnx")
    Path(f"{embedding}.yaml").write_text(
        renamed(card, model.stem, embedding.name) + f"\noutput: {{name: {features}}}\n"
    )
    out = folder / f"{model.stem}-embeddings"
    run_smol(settings, "run", f"{embedding}.yaml", str(folder / "train"), "-o", str(out))
    table = pyarrow.dataset.dataset(out, format="parquet").to_table(columns=["item", "embedding"]).to_pydict()
    x = np.array(table["embedding"], np.float64)
    y = np.array([labels[item] for item in table["item"]], np.float64)
    vector, bias = logistic_regression(x, y)
    two = np.stack([-vector, vector]).astype(np.float32) / 2
    network.graph.node.append(classifier)
    network.graph.output[0].name = classifier.output[0]
    network.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 2
    for name, value in zip(classifier.input[1:], (two, np.array([-bias, bias], np.float32) / 2), strict=True):
        weights[name].CopyFrom(numpy_helper.from_array(value, name))
    probed = folder / f"{model.stem}-probe"
    onnx.save(network, f"{probed}.onnx")
    text = renamed(model.read_text(), model.stem, probed.name).replace("classes: 1000", "classes: 2")
    Path(f"{probed}.yaml").write_text(text)
    return Path(f"{probed}.yaml")


def renamed(card: str, old: str, new: str) -> str:
    """A card for another file."""
    return card.replace(f"name: {old}\n", f"name: {new}\n").replace(f"file: {old}.onnx", f"file: {new}.onnx")


def logistic_regression(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], penalty: float = 0.1
) -> tuple[npt.NDArray[np.float64], float]:
    """L2-penalised, on standardised features; weights and bias for the features as they are."""
    from scipy.optimize import minimize

    mean, deviation = x.mean(0), x.std(0) + 1e-6
    z = (x - mean) / deviation
    sign = 2 * y - 1

    def loss(parameters: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        w, b = parameters[:-1], parameters[-1]
        margin = sign * (z @ w + b)
        slope = -sign / (1 + np.exp(margin))
        value = np.logaddexp(0, -margin).mean() + penalty * (w @ w) / 2
        return float(value), np.append(z.T @ slope / len(y) + penalty * w, slope.mean())

    best = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x
    w = best[:-1] / deviation
    return w, float(best[-1] - w @ mean)


def subset(settings: Settings, dataset: PlannedSet, count: int) -> Path:
    """The same dataset with every n-th item: what plans are timed on."""
    import yaml

    folder = settings.scratch / f"{dataset.name}-subset"
    if folder.exists():
        shutil.rmtree(folder)
    described: dict[str, Any] = yaml.safe_load(dataset.file.read_text())
    renditions = {}
    for name, entry in described["renditions"].items():
        source = (dataset.file.parent / entry["path"]).resolve()
        files = sorted(file for file in source.iterdir() if file.suffix.lower() in {".jpeg", ".jpg", ".png"})
        (folder / name).mkdir(parents=True)
        for file in files[:: max(1, len(files) // count)]:
            (folder / name / file.name).symlink_to(file.resolve())
        renditions[name] = {"path": name}
    (folder / "dataset.yaml").write_text(yaml.safe_dump({"renditions": renditions}))
    return folder / "dataset.yaml"
