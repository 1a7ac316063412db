"""Writes a backbone as PyTorch exports it, and what PyTorch makes of some images with it.

usage: make_backbone.py DIR IMAGE_SIZE NUM_IMAGES

DIR/images.bin: float32 [NUM_IMAGES, 3, S, S]. Written: DIR/backbone.onnx with its values in DIR/backbone.bin; its input is called
`features` and its output `images`, as values of a graph of ftctl's are, and a graph inside of a node reads an outer value. Prints JSON:
the features, flattened.
"""

import json
import sys

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper


class Backbone(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3, stride=2)
        self.norm = torch.nn.BatchNorm2d(8)
        self.pool = torch.nn.MaxPool2d(3)

    def forward(self, x):
        return self.pool(torch.relu(self.norm(self.first(x))))


def main():
    folder, size, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(0)
    net = Backbone()
    net.norm.running_mean.normal_()
    net.norm.running_var.uniform_(0.5, 2)
    net.eval()
    path = f"{folder}/backbone.onnx"
    torch.onnx.export(
        net,
        (torch.zeros(2, 3, size, size),),
        path,
        input_names=["features"],
        output_names=["images"],
        dynamic_axes={"features": {0: "n", 2: "h", 3: "w"}, "images": {0: "n"}},
        dynamo=False,
    )
    model = onnx.load(path)
    # images = if (true) { -logits } else { logits }, where `logits` is what the network has given so far.
    graph = model.graph
    graph.node[-1].output[0] = "logits"
    branches = [
        helper.make_graph(
            [helper.make_node(op, ["logits"], ["branch"])],
            name,
            [],
            [helper.make_tensor_value_info("branch", TensorProto.FLOAT, None)],
        )
        for op, name in (("Neg", "then"), ("Identity", "else"))
    ]
    graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    graph.node.append(
        helper.make_node("If", ["yes"], ["images"], then_branch=branches[0], else_branch=branches[1])
    )
    onnx.checker.check_model(model)
    onnx.save(model, path, save_as_external_data=True, location="backbone.bin", size_threshold=0)
    images = np.fromfile(f"{folder}/images.bin", np.float32).reshape(count, 3, size, size)
    with torch.no_grad():
        features = -net(torch.from_numpy(images)).flatten(1)
    print(json.dumps(features.flatten().tolist()))


main()
