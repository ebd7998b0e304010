# SPDX-License-Identifier: Apache-2.0
"""The paper's Table 3 on a simulated device: preprocessing-bound, DNN-bound and balanced, in its ratios, with this
machine's own preprocessing. The planner knows nothing of the device but what it measures. All figures are simulated."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys

import pictures
from harness import ROOT, Check, Settings, StudyResult, run_smol, table

# Preprocessing over DNN in the paper's three rows, and the estimates it prints for ours, DNN only and the sum.
REGIMES = {"balanced": 4001 / 4999, "preprocessing-bound": 534 / 4999, "DNN-bound": 5876 / 1844}
PRINTED = {"balanced": (4001, 4999), "preprocessing-bound": (534, 4999), "DNN-bound": (5876, 1844)}


def printed_estimates(settings: Settings) -> list[list[str]]:
    """What `smol plan --profile` estimates from the paper's printed rates."""
    rows = []
    for name, (preprocess, infer) in PRINTED.items():
        profile = settings.scratch / "printed.yaml"
        profile.write_text(
            f"format: 1\nmachine: the paper's\ncores: 4\nshares_host_cores: false\n"
            f"preprocess: [{{rendition: full, items_per_s: [{preprocess}]}}]\n"
            f"inference: [{{model: net, items_per_s: [{infer}]}}]\n"
        )
        predicted = json.loads(run_smol(settings, "--json", "plan", "--profile", str(profile)))["plans"][0]["predicted"]
        rows.append([name, *(f"{predicted[key]:.0f}" for key in ("throughput", "dnn_only", "sum"))])
    return rows


def study(settings: Settings) -> StudyResult:
    """One plan a regime: predicted from its parts, then run."""
    result = StudyResult("The paper's machine and its three regimes (simulated)")
    printed = printed_estimates(settings)
    result.text.append(table(["from the printed rates", "ours", "DNN only", "sum"], printed))
    wanted = [["4001", "4999", "2222"], ["534", "4999", "482"], ["1844", "1844", "1404"]]
    # 1403.6 is printed as 1403 in the paper's Table 3.
    result.checks.append(
        Check("estimates from the paper's printed rates", "4001/534/1844, 4999/4999/1844, 2222/482/1404",
              "; ".join("/".join(row[1:]) for row in printed), [row[1:] for row in printed] == wanted)
    )  # fmt: skip
    folder = pictures.as_folder(settings, "regimes", pictures.medium(96))
    host = json.loads(run_smol(settings, "--json", "measure", str(pictures.LITE0), str(folder), "--repeats", "3"))
    rate = host["preprocess_alone"]["median"]
    rows, errors = [], []
    for name, ratio in REGIMES.items():
        dnn = rate / ratio
        out = settings.scratch / f"device-{re.sub('[^a-zA-Z]', '', name)}"
        curve = ",".join(f"{batch}:{dnn * min(1, 1.25 * batch / (batch + 4)):.1f}" for batch in (1, 4, 8, 16, 32))
        made = subprocess.run(
            [sys.executable, str(ROOT / "bench/planner/make_device.py"), "--model-input", "224", "--batch-rates", curve,
             "--launch-us", "50", "--jitter", "0.02", "--transfer-bytes-per-s", "12e9", "-o", str(out)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        plans = settings.scratch / "regime.yaml"
        answer = json.loads(
            run_smol(settings, "--json", "plan", str(folder), "--models", made.stdout.split()[-1], "--no-cache",
                     "--exact-only", "--repeats", "5", "-o", str(plans))
        )  # fmt: skip
        plan = next(entry for entry in answer["plans"] if entry["id"] == answer["chosen"])
        measured, predicted = plan["throughput"]["value"], plan["predicted"]
        error = predicted["throughput"] / measured - 1
        errors.append(abs(error))
        figures = [
            f"{predicted[key]:.0f} ({predicted[key] / measured - 1:+.1%})" for key in ("throughput", "dnn_only", "sum")
        ]
        rows.append([name, plan["id"], str(plan["batch"]), f"{plan['preprocess_throughput']:.0f}",
                     f"{plan['infer_throughput']:.0f}", f"{measured:.0f}", *figures])  # fmt: skip
    header = ["regime", "plan (simulated)", "batch", "preprocessing/s", "DNN/s", "run", "ours", "DNN only", "sum"]
    result.text.append(table(header, rows))
    result.checks.append(
        Check("simulated device, three regimes: error of ours, mean and worst", "each <= 7 %",
              f"{statistics.mean(errors):.1%}, {max(errors):.1%}", max(errors) <= 0.07)
    )  # fmt: skip
    result.checks.append(paper_choice(settings))
    result.figures = {"rows": rows, "host_per_s": rate}
    return result


def paper_choice(settings: Settings) -> Check:
    """ResNet-50 on thumbnails rather than ResNet-34 on full pictures."""
    profile = ROOT / "examples/paper_machine/profile.yaml"
    answer = json.loads(run_smol(settings, "--json", "plan", "--profile", str(profile), "--min-accuracy", "0.7272"))
    plan = next(entry for entry in answer["plans"] if entry["id"] == answer["chosen"])
    text = f"{answer['chosen']}: {plan['accuracy']['value']:.2%}, {plan['predicted']['throughput']:.0f}/s"
    return Check("the paper's machine, accuracy of ResNet-34 on full pictures (72.72 %, 527/s)",
                 "ResNet-50 on 161 PNG (75.00 %, 1995/s)", text,
                 answer["chosen"] == "resnet50-lowres/161-png/exact")  # fmt: skip
