"""The graph of MiniLM-L6-papers: BERT with 6 layers, mean pooling and L2 normalisation inside.

Designed so that a text has the same vector, byte for byte, on old and new x86 CPUs, and that the file has the same
bytes wherever it is built:
- Matrix products are u8 x s8. A CPU with AVX2 but without VNNI adds pairs of adjacent products in 16 bits, which can
  saturate. `quantise_columns` chooses scales at which no pair of weights does, so that every CPU gets the same sums.
- ONNX Runtime's fused attention and its Softmax add in an order that depends on the CPU's vector width and cache. Here
  attention is written out in operators whose results do not.
- The builder's own float operations are elementwise and correctly rounded (IEEE 754), or maxima: no sums whose order
  could differ between machines, no powers, no logarithms.
"""

from dataclasses import dataclass, field

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

LAYERS, WIDTH, INNER_WIDTH, HEADS, EPSILON = 6, 384, 1536, 12, 1e-12
MICROSOFT = 'com.microsoft'
OPSETS = {'': 18, MICROSOFT: 1}
IR_VERSION = 9
INT8_LIMIT = 127
PAIR_LIMIT = 128  # 255 · 128 fits a signed 16-bit sum, 255 · 129 does not


@dataclass
class Graph:
    """Nodes and weights in the order of computation. A node and its output have the same name."""

    nodes: list = field(default_factory=list)
    weights: dict = field(default_factory=dict)
    product_inputs: dict[str, str] = field(default_factory=dict)

    def weight(self, name: str, array) -> str:
        self.weights.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def scalar(self, name: str, value: int) -> str:
        self.weights.setdefault(name, numpy_helper.from_array(np.array(value), name))
        return name

    def op(self, kind: str, name: str, inputs: list[str], domain: str = '', **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, domain=domain, **attributes))
        return name

    def model(self, expose: bool) -> ModelProto:
        outputs = [
            helper.make_tensor_value_info('last_hidden_state', TensorProto.FLOAT, [1, 'tokens', WIDTH]),
            helper.make_tensor_value_info('sentence_embedding', TensorProto.FLOAT, [1, WIDTH]),
        ]
        if expose:
            names = dict.fromkeys(self.product_inputs.values())
            outputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
        inputs = [helper.make_tensor_value_info('input_ids', TensorProto.INT64, [1, 'tokens'])]
        graph = helper.make_graph(self.nodes, 'MiniLM-L6-papers', inputs, outputs, list(self.weights.values()))
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name='paperkin')


def build(weights: dict[str, np.ndarray], smoothing: dict[str, np.ndarray] | None, expose: bool = False):
    """The model as ONNX, and the name of the input tensor of each product.

    `smoothing` holds, by product, the divisor of each input channel (SmoothQuant, Xiao et al. 2022, section 4), or 0 for
    a channel that is not quantised but multiplied in fp32 (Dettmers et al. 2022, section 3). None builds the fp32
    reference from the same nodes. `expose` adds the inputs of the products to the outputs.
    """
    graph = Graph()
    quantised = smoothing is not None

    def linear(source: str) -> tuple[np.ndarray, np.ndarray]:
        return np.ascontiguousarray(weights[f'{source}.weight'].T), weights[f'{source}.bias']

    def norm(x: str, source: str, name: str) -> str:
        gain = graph.weight(f'{name}.weight', weights[f'{source}.weight'])
        bias = graph.weight(f'{name}.bias', weights[f'{source}.bias'])
        return graph.op('LayerNormalization', name, [x, gain, bias], axis=-1, epsilon=EPSILON)

    def product(x: str, name: str, matrix: np.ndarray, bias: np.ndarray) -> str:
        """x · matrix + bias. A smoothed input is divided by its factors, and the rows of the matrix multiplied."""
        graph.product_inputs[name] = x
        bias = graph.weight(f'{name}.bias', bias)
        if not quantised:
            x = graph.op('MatMul', f'{name}.product', [x, graph.weight(f'{name}.weight', matrix)])
            return graph.op('Add', name, [x, bias])
        exact = []
        if name in smoothing:
            divisor = smoothing[name]
            channels = np.flatnonzero(divisor == 0)
            if channels.size > 0:
                taken = graph.op('Gather', f'{name}.taken', [x, graph.weight(f'{name}.channels', channels)], axis=-1)
                rows = graph.weight(f'{name}.rows', matrix[channels])
                exact.append(graph.op('MatMul', f'{name}.exact', [taken, rows]))
            factors = np.divide(np.float32(1), divisor, out=np.zeros_like(divisor), where=divisor > 0)
            matrix = matrix * divisor[:, None]
            x = graph.op('Mul', f'{name}.smooth', [x, graph.weight(f'{name}.factors', factors)])
        integers, scale = quantise_columns(matrix)
        inputs = [x, graph.weight(f'{name}.weight', integers), graph.weight(f'{name}.scale', scale), '', bias]
        y = f'{name}.integer' if exact else name
        y = graph.op('DynamicQuantizeMatMul', y, inputs, MICROSOFT)
        return graph.op('Add', name, [y, *exact]) if exact else y

    x = embeddings(graph, weights, quantised)
    x = norm(x, 'embeddings.LayerNorm', 'embeddings.norm')
    for layer in range(LAYERS):
        source, name = f'encoder.layer.{layer}', f'layer.{layer}'
        heads = [linear(f'{source}.attention.self.{part}') for part in ('query', 'key', 'value')]
        matrix, bias = (np.concatenate(parts, -1) for parts in zip(*heads))
        y = attention(graph, product(x, f'{name}.qkv', matrix, bias), f'{name}.attention')
        y = product(y, f'{name}.attention.output', *linear(f'{source}.attention.output.dense'))
        y = graph.op('Add', f'{name}.attention.residual', [y, x])
        x = norm(y, f'{source}.attention.output.LayerNorm', f'{name}.attention.norm')
        y = product(x, f'{name}.feedforward.up', *linear(f'{source}.intermediate.dense'))
        y = graph.op('Gelu', f'{name}.feedforward.gelu', [y], MICROSOFT)
        y = product(y, f'{name}.feedforward.down', *linear(f'{source}.output.dense'))
        y = graph.op('Add', f'{name}.feedforward.residual', [y, x])
        is_last = layer == LAYERS - 1
        x = norm(y, f'{source}.output.LayerNorm', 'last_hidden_state' if is_last else f'{name}.feedforward.norm')
    # The sum of the tokens has the direction of their mean, so the normalisation replaces the division.
    x = graph.op('ReduceSum', 'pooling.sum', [x, graph.weight('axis.tokens', [1])], keepdims=0)
    graph.op('LpNormalization', 'sentence_embedding', [x], axis=-1, p=2)
    return graph.model(expose), graph.product_inputs


def embeddings(graph: Graph, weights: dict[str, np.ndarray], quantised: bool) -> str:
    """Word plus position embeddings; the token type is always 0, so its row is part of the positions."""
    words = weights['embeddings.word_embeddings.weight']
    if quantised:
        integers, scale = quantise_rows(words)
        x = graph.op('Gather', 'embeddings.integers', [graph.weight('words.weight', integers), 'input_ids'])
        x = graph.op('Cast', 'embeddings.floats', [x], to=TensorProto.FLOAT)
        scale = graph.op('Gather', 'embeddings.scale', [graph.weight('words.scale', scale), 'input_ids'])
        x = graph.op('Mul', 'embeddings.words', [x, scale])
    else:
        x = graph.op('Gather', 'embeddings.words', [graph.weight('words.weight', words), 'input_ids'])
    types = weights['embeddings.token_type_embeddings.weight']
    positions = graph.weight('positions', weights['embeddings.position_embeddings.weight'] + types[0])
    length = graph.op('Shape', 'embeddings.length', ['input_ids'], start=1)
    first = graph.weight('axis.first', [0])
    positions = graph.op('Slice', 'embeddings.positions', [positions, first, length, first])
    return graph.op('Add', 'embeddings.sum', [x, positions])


def attention(graph: Graph, qkv: str, name: str) -> str:
    """softmax(q · kᵀ / √d) · v for every head; the exponentials are divided by their sum after the product with v.

    Scores are clipped at a constant instead of reduced by the row's maximum: 512 times e^80, times a value, is a finite
    float. The largest of 700 million scores of abstracts was 76.5; one character repeated two hundred times reaches 86.
    """
    width = WIDTH // HEADS
    x = graph.op('Reshape', f'{name}.parts', [qkv, graph.weight('shape.parts', [-1, 3, HEADS, width])])
    # tokens × heads × width: the products are batched over heads, so that no transposition is needed.
    q, k, v = (
        graph.op('Gather', f'{name}.{part}', [x, graph.scalar(f'index.{part}', index)], axis=1)
        for index, part in enumerate(('query', 'key', 'value'))
    )
    by_head = {'transBatchA': 1, 'transBatchB': 1}
    scores = graph.op('FusedMatMul', f'{name}.scores', [q, k], MICROSOFT, transB=1, alpha=width**-0.5, **by_head)
    bounds = [graph.scalar(f'score.{end}', np.float32(value)) for end, value in (('least', -80), ('most', 80))]
    clipped = graph.op('Clip', f'{name}.clipped', [scores, *bounds])
    exponentials = graph.op('Exp', f'{name}.exponentials', [clipped])
    total = graph.op('ReduceSum', f'{name}.total', [exponentials, graph.weight('axis.last', [-1])], keepdims=1)
    x = graph.op('FusedMatMul', f'{name}.sums', [exponentials, v], MICROSOFT, transBatchB=1)
    x = graph.op('Div', f'{name}.means', [x, total])
    x = graph.op('Transpose', f'{name}.tokens', [x], perm=[1, 0, 2])
    return graph.op('Reshape', name, [x, graph.weight('shape.tokens', [1, -1, WIDTH])])


def quantise_rows(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric 8-bit integers, and one scale per row."""
    scale = np.abs(array).max(1, keepdims=True) / np.float32(INT8_LIMIT)
    scale[scale == 0] = 1
    return np.rint(array / scale).astype(np.int8), scale


def quantise_columns(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric 8-bit integers that cannot saturate a 16-bit sum of two products, and one scale per column.

    Rows 2i and 2i + 1 are added in such a sum. Activations are 0 … 255, so only weights of the same sign add up: the
    positive part of each pair, and the negative part, may reach PAIR_LIMIT. Adjacent large weights rarely have the same
    sign, so steps are about 0.6 of those of 7-bit weights, which could not saturate in any pair.
    """
    by_pair = largest_pair(matrix) / np.float32(PAIR_LIMIT)
    scale = np.maximum(np.abs(matrix).max(0) / np.float32(INT8_LIMIT), by_pair)
    scale[scale == 0] = 1
    while True:
        integers = np.clip(np.rint(matrix / scale), -INT8_LIMIT, INT8_LIMIT)
        over = largest_pair(integers) > PAIR_LIMIT
        if not over.any():
            return integers.astype(np.int8), scale
        # Two halves were rounded up (64.5 + 63.5); the next larger scale rounds one of them down.
        scale[over] = np.nextafter(scale[over], np.float32(np.inf))


def largest_pair(matrix: np.ndarray) -> np.ndarray:
    """By column: the largest sum of weights of the same sign in rows 2i and 2i + 1."""
    even, odd = matrix[0::2], matrix[1::2]
    positive = np.maximum(even, 0) + np.maximum(odd, 0)
    negative = np.maximum(-even, 0) + np.maximum(-odd, 0)
    return np.maximum(positive, negative).max(0)
