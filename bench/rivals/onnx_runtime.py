"""ONNX Runtime: prediction only; the graph is Gemm and Relu, written with the onnx package."""

import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from bench.rivals.base import Rival


class OnnxRuntime(Rival):
    def start(self):
        nodes, constants, value = [], [], "x"
        for i, (weight, bias) in enumerate(self.layers):
            last = i + 1 == len(self.layers)
            constants += [numpy_helper.from_array(weight, f"w{i}"), numpy_helper.from_array(bias, f"b{i}")]
            nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], ["y" if last else f"z{i}"]))
            if not last:
                nodes.append(helper.make_node("Relu", [f"z{i}"], [f"a{i}"]))
                value = f"a{i}"
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])
            for name, width in (("x", self.spec.widths[0]), ("y", self.spec.widths[-1]))
        ]
        graph = helper.make_graph(nodes, "mlp", ends[:1], ends[1:], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.spec.threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def predict(self, x):
        return self.session.run(None, {"x": x})[0]

    def versions(self):
        return {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__}


RIVAL = OnnxRuntime
