"""General runtimes that run the graph, each at its best settings on one thread.

A rival prepares a request's inputs outside the measured time, in the memory form that it likes best; a call then is
the inference alone, from rows to scores.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional

import numpy as np
import torch

from bench.peers.graph import Graph
from bench.peers.inputs import INPUT_NAMES, Inputs

Call = Callable[[], np.ndarray]


class Rival:
    """One runtime in one configuration, for requests of one shape."""
    name = ""
    runtime = ""
    exact = True  # computes in float32, so its scores must agree

    def call(self, inputs: Inputs) -> Call:
        """What computes the scores [N] of one request."""
        raise NotImplementedError


class Workload(NamedTuple):
    """What rivals are made from: the model, its export, and a request of the shape to come."""
    graph: Graph
    onnx: Path
    example: Inputs


def _torch_call(module: Callable, inputs: Inputs) -> Call:
    tensors = [torch.from_numpy(array) for array in inputs]

    def run() -> np.ndarray:
        with torch.inference_mode():
            return module(*tensors)[0].numpy()
    return run


class TorchEager(Rival):
    """The module as it is written."""
    name, runtime = "PyTorch eager", "torch"

    def __init__(self, workload: Workload) -> None:
        self.graph = workload.graph

    def call(self, inputs: Inputs) -> Call:
        return _torch_call(self.graph, inputs)


class TorchTraced(Rival):
    """Traced, frozen, and optimised for inference."""
    name, runtime = "PyTorch traced, frozen", "torch"
    optimise = True

    def __init__(self, workload: Workload) -> None:
        example = [torch.from_numpy(array) for array in workload.example]
        with torch.no_grad():
            module = torch.jit.freeze(torch.jit.trace(workload.graph, example))
            self.module = torch.jit.optimize_for_inference(module) if self.optimise else module

    def call(self, inputs: Inputs) -> Call:
        return _torch_call(self.module, inputs)


class TorchFrozen(TorchTraced):
    """Without optimize_for_inference, whose conversions do not always pay."""
    name, optimise = "PyTorch frozen only", False


class OnnxRuntime(Rival):
    """All graph optimisations, sequential, inputs and outputs bound beforehand. Sizes left open."""
    name, runtime = "ONNX Runtime", "onnxruntime"
    fixed = False

    def __init__(self, workload: Workload) -> None:
        import onnxruntime
        self.ort = onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        if self.fixed:
            example = workload.example
            for axis, array in (("L", example.history), ("P", example.positive), ("M", example.negative),
                                ("N", example.candidates)):
                options.add_free_dimension_override_by_name(axis, len(array))
        self.session = onnxruntime.InferenceSession(str(workload.onnx), options, providers=["CPUExecutionProvider"])

    def call(self, inputs: Inputs) -> Call:
        binding = self.session.io_binding()
        for name, array in zip(INPUT_NAMES, inputs):
            binding.bind_cpu_input(name, array)
        scores = np.empty(len(inputs.candidates), np.float32)
        signals = np.empty((len(inputs.candidates), len(inputs.weights)), np.float32)
        for name, array in (("scores", scores), ("signals", signals)):
            binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)

        def run(keep: tuple = (inputs, signals)) -> np.ndarray:
            self.session.run_with_iobinding(binding)
            return scores
        return run


class OnnxRuntimeFixed(OnnxRuntime):
    """Every size fixed before the graph is optimised."""
    name, fixed = "ONNX Runtime, fixed sizes", True


class OpenVino(Rival):
    """Latency hint, one stream. Sizes left open."""
    name, runtime = "OpenVINO", "openvino"
    fixed, precision = False, "f32"

    def __init__(self, workload: Workload) -> None:
        import openvino
        self.ov = openvino
        core = openvino.Core()
        model = core.read_model(str(workload.onnx))
        if self.fixed:
            model.reshape({name: list(array.shape) for name, array in zip(INPUT_NAMES, workload.example)})
        self.compiled = core.compile_model(model, "CPU", {
            "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False, "INFERENCE_PRECISION_HINT": self.precision})
        self.request = self.compiled.create_infer_request()

    def call(self, inputs: Inputs) -> Call:
        tensors = [self.ov.Tensor(array, shared_memory=True) for array in inputs]
        request, infer = self.request, self.request.infer

        def run(keep: Inputs = inputs) -> np.ndarray:
            for at, tensor in enumerate(tensors):
                request.set_input_tensor(at, tensor)
            return infer(share_inputs=True, share_outputs=True)[0]
        return run


class OpenVinoFixed(OpenVino):
    """Every size fixed before the graph is compiled."""
    name, fixed = "OpenVINO, fixed sizes", True


class OpenVinoHalves(OpenVinoFixed):
    """The same in bfloat16, where the processor has it."""
    name, precision, exact = "OpenVINO bf16, fixed sizes", "bf16", False


RIVALS: List[type] = [TorchEager, TorchFrozen, TorchTraced, OnnxRuntime, OnnxRuntimeFixed, OpenVino, OpenVinoFixed,
                      OpenVinoHalves]


def versions() -> Dict[str, Optional[str]]:
    """Versions of the runtimes that are here."""
    found: Dict[str, Optional[str]] = {}
    for name in ("torch", "onnxruntime", "openvino"):
        try:
            found[name] = str(__import__(name).__version__)
        except ImportError:
            found[name] = None
    return found
