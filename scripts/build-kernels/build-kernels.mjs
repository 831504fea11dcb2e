// Writes models/kernels/, always with the same bytes: node scripts/build-kernels/build-kernels.mjs [FOLDER]
// ONNX's protobuf (onnx/onnx.proto, IR version 9, opset 18) is encoded without a library; WebAssembly in wasm.mjs.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { aboveModule, bestModule, dotsModule, moveModule, nearestModule, scanModule } from './wasm.mjs'

const floatType = 1
const irVersion = 9
const opset = 18

/** Field numbers of onnx.proto. */
const Model = { irVersion: 1, producerName: 2, graph: 7, opsetImport: 8 }
const Opset = { version: 2 }
const Graph = { node: 1, name: 2, input: 11, output: 12 }
const Node = { input: 1, output: 2, opType: 4, attribute: 5 }
const Attribute = { name: 1, i: 3, type: 20 }
const attributeInt = 2
const ValueInfo = { name: 1, type: 2 }
const TypeProto = { tensorType: 1 }
const TensorType = { elemType: 1, shape: 2 }
const Shape = { dim: 1 }
const Dimension = { param: 2 }

function varint(value) {
  const bytes = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}

const integer = (field, value) => Buffer.concat([varint(field * 8), varint(value)])

function bytes(field, content) {
  const buffer = Buffer.isBuffer(content) ? content : Buffer.from(content)
  return Buffer.concat([varint(field * 8 + 2), varint(buffer.length), buffer])
}

const message = (...fields) => Buffer.concat(fields)

function matrix(name, shape) {
  const dims = shape.map((param) => bytes(Shape.dim, bytes(Dimension.param, param)))
  const tensor = message(integer(TensorType.elemType, floatType), bytes(TensorType.shape, message(...dims)))
  return message(bytes(ValueInfo.name, name), bytes(ValueInfo.type, bytes(TypeProto.tensorType, tensor)))
}

function node(opType, inputs, outputs, attributes = {}) {
  return message(
    ...inputs.map((name) => bytes(Node.input, name)),
    ...outputs.map((name) => bytes(Node.output, name)),
    bytes(Node.opType, opType),
    ...Object.entries(attributes).map(([name, value]) =>
      bytes(
        Node.attribute,
        message(bytes(Attribute.name, name), integer(Attribute.i, value), integer(Attribute.type, attributeInt)),
      ),
    ),
  )
}

function model({ name, nodes, inputs, outputs }) {
  const graph = message(
    ...nodes.map((content) => bytes(Graph.node, content)),
    bytes(Graph.name, name),
    ...inputs.map((content) => bytes(Graph.input, content)),
    ...outputs.map((content) => bytes(Graph.output, content)),
  )
  return message(
    integer(Model.irVersion, irVersion),
    bytes(Model.producerName, 'paperkin'),
    bytes(Model.graph, graph),
    bytes(Model.opsetImport, integer(Opset.version, opset)),
  )
}

const files = {
  /** products[i, j] = left[i] · right[j] */
  'products.onnx': model({
    name: 'products',
    nodes: [node('Gemm', ['left', 'right'], ['products'], { transB: 1 })],
    inputs: [matrix('left', ['m', 'd']), matrix('right', ['n', 'd'])],
    outputs: [matrix('products', ['m', 'n'])],
  }),
  'scan.wasm': scanModule(),
  'above.wasm': aboveModule(),
  'dots.wasm': dotsModule(),
  'best.wasm': bestModule(),
  'nearest.wasm': nearestModule(),
  'move.wasm': moveModule(),
}

const folder = process.argv[2] ?? fileURLToPath(new URL('../../models/kernels/', import.meta.url))
mkdirSync(folder, { recursive: true })
for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
