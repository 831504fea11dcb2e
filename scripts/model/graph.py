"""The graph of all-MiniLM-L6-v2: BERT with 6 layers, mean pooling and L2 normalisation inside.

Weights that multiply activations are int8 of 7 bits, symmetric, one scale a column: an AVX2-only CPU adds two
u8 x s8 products in 16 bits, which saturates at 8 bits and cannot at 7, so that every CPU computes the same integers.
Every float operation here is elementwise and correctly rounded (IEEE 754), or a maximum: no sum whose order could
differ between CPUs, no power, no logarithm. That is why the same weights give the same bytes everywhere.
"""

from dataclasses import dataclass, field

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

LAYERS, WIDTH, INNER_WIDTH, HEADS, EPSILON = 6, 384, 1536, 12, 1e-12
MICROSOFT = 'com.microsoft'
OPSETS = {'': 18, MICROSOFT: 1}
IR_VERSION = 9
WEIGHT_LIMIT = 63
EMBEDDING_LIMIT = 127


@dataclass
class Graph:
    """Nodes and weights in the order of computation. A node's first output carries the node's name."""

    nodes: list = field(default_factory=list)
    weights: dict = field(default_factory=dict)
    product_inputs: dict[str, str] = field(default_factory=dict)

    def weight(self, name: str, array: np.ndarray) -> str:
        self.weights.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def op(self, kind: str, name: str, inputs: list[str], domain: str = '', **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, domain=domain, **attributes))
        return name

    def model(self, expose: bool) -> ModelProto:
        outputs = [
            helper.make_tensor_value_info('last_hidden_state', TensorProto.FLOAT, ['batch', 'tokens', WIDTH]),
            helper.make_tensor_value_info('sentence_embedding', TensorProto.FLOAT, ['batch', WIDTH]),
        ]
        if expose:
            names = dict.fromkeys(self.product_inputs.values())
            outputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
        inputs = [helper.make_tensor_value_info('input_ids', TensorProto.INT64, ['batch', 'tokens'])]
        graph = helper.make_graph(self.nodes, 'all-MiniLM-L6-v2', inputs, outputs, list(self.weights.values()))
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name='paperkin')


def quantise(array: np.ndarray, axis: int, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric integers within ±limit and their scales, one for each slice along `axis`."""
    scale = np.abs(array).max(axis, keepdims=True) / np.float32(limit)
    scale[scale == 0] = 1
    return np.clip(np.rint(array / scale), -limit, limit).astype(np.int8), scale


def build(weights: dict[str, np.ndarray], smoothing: dict[str, np.ndarray] | None, expose: bool = False):
    """The model as ONNX, and the tensor that feeds each matrix product.

    `smoothing` holds, by product, the divisor of each input channel (SmoothQuant, Xiao et al. 2022, section 4);
    None builds the fp32 reference out of the same nodes. `expose` adds the inputs of the products to the outputs.
    """
    graph = Graph()
    quantised = smoothing is not None
    smoothing = smoothing or {}

    def norm(x: str, source: str, name: str) -> str:
        gain = graph.weight(f'{name}.weight', weights[f'{source}.weight'])
        bias = graph.weight(f'{name}.bias', weights[f'{source}.bias'])
        return graph.op('LayerNormalization', name, [x, gain, bias], axis=-1, epsilon=EPSILON)

    def product(x: str, name: str, matrix: np.ndarray, bias: np.ndarray | None = None) -> str:
        """x · matrix + bias. A smoothed input is divided by its factors, and the rows of the matrix multiplied."""
        graph.product_inputs[name] = x
        biases = [] if bias is None else [graph.weight(f'{name}.bias', bias)]
        if not quantised:
            x = graph.op('MatMul', f'{name}.product', [x, graph.weight(f'{name}.weight', matrix)])
            return graph.op('Add', name, [x, *biases]) if biases else x
        if name in smoothing:
            divisor = smoothing[name].astype(np.float32)
            matrix = matrix * divisor[:, None]
            x = graph.op('Mul', f'{name}.smooth', [x, graph.weight(f'{name}.factors', np.float32(1) / divisor)])
        integers, scale = quantise(matrix, 0, WEIGHT_LIMIT)
        inputs = [x, graph.weight(f'{name}.weight', integers), graph.weight(f'{name}.scale', scale[0])]
        inputs += ['', *biases] if biases else []
        return graph.op('DynamicQuantizeMatMul', name, inputs, MICROSOFT)

    def linear(source: str) -> tuple[np.ndarray, np.ndarray]:
        return weights[f'{source}.weight'].T, weights[f'{source}.bias']

    x = embeddings(graph, weights, quantised)
    x = norm(x, 'embeddings.LayerNorm', 'embeddings.norm')
    for layer in range(LAYERS):
        source, name = f'encoder.layer.{layer}', f'layer.{layer}'
        heads = [linear(f'{source}.attention.self.{part}') for part in ('query', 'key', 'value')]
        qkv = product(x, f'{name}.qkv', np.concatenate([matrix for matrix, _ in heads], 1))
        parts = [f'{name}.query', f'{name}.key', f'{name}.value']
        graph.nodes.append(helper.make_node('Split', [qkv], parts, name=f'{name}.split', axis=-1, num_outputs=3))
        bias = graph.weight(f'{name}.qkv.bias', np.concatenate([bias for _, bias in heads]))
        attention = f'{name}.attention'
        graph.op('MultiHeadAttention', attention, [*parts, bias], MICROSOFT, num_heads=HEADS)
        y = product(attention, f'{name}.attention.output', *linear(f'{source}.attention.output.dense'))
        y = graph.op('Add', f'{name}.attention.residual', [y, x])
        x = norm(y, f'{source}.attention.output.LayerNorm', f'{name}.attention.norm')
        matrix, bias = linear(f'{source}.intermediate.dense')
        y = product(x, f'{name}.feedforward.up', matrix)
        bias = graph.weight(f'{name}.feedforward.up.bias', bias)
        y = graph.op('BiasGelu', f'{name}.feedforward.gelu', [y, bias], MICROSOFT)
        y = product(y, f'{name}.feedforward.down', *linear(f'{source}.output.dense'))
        y = graph.op('Add', f'{name}.feedforward.residual', [y, x])
        last = layer == LAYERS - 1
        x = norm(y, f'{source}.output.LayerNorm', 'last_hidden_state' if last else f'{name}.feedforward.norm')
    # The mean and the sum of the tokens point the same way, so the division is left to the normalisation.
    x = graph.op('ReduceSum', 'pooling.sum', [x, graph.weight('axis.tokens', np.array([1]))], keepdims=0)
    graph.op('LpNormalization', 'sentence_embedding', [x], axis=-1, p=2)
    return graph.model(expose), graph.product_inputs


def embeddings(graph: Graph, weights: dict[str, np.ndarray], quantised: bool) -> str:
    """Word plus position embeddings; the token type is always 0, so its row is part of the positions."""
    words = weights['embeddings.word_embeddings.weight']
    if quantised:
        integers, scale = quantise(words, 1, EMBEDDING_LIMIT)
        x = graph.op('Gather', 'embeddings.integers', [graph.weight('words.weight', integers), 'input_ids'])
        x = graph.op('Cast', 'embeddings.floats', [x], to=TensorProto.FLOAT)
        scale = graph.op('Gather', 'embeddings.scale', [graph.weight('words.scale', scale), 'input_ids'])
        x = graph.op('Mul', 'embeddings.words', [x, scale])
    else:
        x = graph.op('Gather', 'embeddings.words', [graph.weight('words.weight', words), 'input_ids'])
    types = weights['embeddings.token_type_embeddings.weight']
    positions = graph.weight('positions', weights['embeddings.position_embeddings.weight'] + types[0])
    shape = graph.op('Shape', 'embeddings.length', ['input_ids'], start=1)
    first = graph.weight('axis.first', np.array([0]))
    positions = graph.op('Slice', 'embeddings.positions', [positions, first, shape, first])
    return graph.op('Add', 'embeddings.sum', [x, positions])
