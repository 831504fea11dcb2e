// The int8 scan as a WebAssembly module (core specification 2.0 with SIMD), assembled without a library.
//
// scan(rows, count, width, query, out): the dot products of `count` rows of `width` int8 values, lying one after the
// other from `rows` on, with `width` int16 values at `query`; one int32 a row is written from `out` on. `width` is a
// multiple of 16, `count` of 4 (or rounded up to it: what lies behind is read and written too).
// Integers add up alike in any order on any CPU; that nothing overflows is the caller's business.

/** LEB128, unsigned. */
function u(value) {
  const out = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return [...out, rest]
    out.push((rest & 127) | 128)
  }
}
const vector = (items) => [...u(items.length), ...items.flat()]
const section = (id, content) => [id, ...u(content.length), ...content]
const name = (text) => vector([...Buffer.from(text)])

const I32 = 0x7f
const V128 = 0x7b
const EMPTY = 0x40
const END = 0x0b

const get = (local) => [0x20, ...u(local)]
const set = (local, ...value) => [...value.flat(), 0x21, ...u(local)]
/** Constants below 64 are one byte in signed LEB128. */
const constant = (value) => [0x41, value]
const add = (a, b) => [...a, ...b, 0x6a]
const subtract = (a, b) => [...a, ...b, 0x6b]
const shiftLeft = (a, b) => [...a, ...b, 0x74]
const isAtMost = (a, b) => [...a, ...b, 0x4c]
const isBelow = (a, b) => [...a, ...b, 0x49]
const block = (...body) => [0x02, EMPTY, ...body.flat(), END]
const loop = (...body) => [0x03, EMPTY, ...body.flat(), END]
const branch = (depth) => [0x0c, depth]
const branchIf = (depth, condition) => [...condition, 0x0d, depth]

const simd = (opcode) => [0xfd, ...u(opcode)]
const load = (address, offset = 0) => [...address, ...simd(0), 0, ...u(offset)]
/** Eight int8 values widened to int16. */
const loadWidened = (address, offset = 0) => [...address, ...simd(1), 0, ...u(offset)]
const store = (address, value) => [...address, ...value, ...simd(11), 0, 0]
const zeros = [...simd(12), ...new Array(16).fill(0)]
/** Picks 32-bit lanes of a (0 … 3) and b (4 … 7). */
const pick = (a, b, lanes) => [
  ...a,
  ...b,
  ...simd(13),
  ...lanes.flatMap((lane) => [0, 1, 2, 3].map((i) => 4 * lane + i)),
]
const addLanes = (a, b) => [...a, ...b, ...simd(174)]
/** Products of eight int16 pairs, added in pairs to four int32. */
const dot = (a, b) => [...a, ...b, ...simd(186)]

/** Adds neighbouring lanes: a0+a1, b0+b1, a2+a3, b2+b3. */
const addPairs = (a, b) => addLanes(pick(a, b, [0, 4, 2, 6]), pick(a, b, [1, 5, 3, 7]))

export function scanModule() {
  const [rows, count, width, query, out] = [0, 1, 2, 3, 4]
  const row = [5, 6, 7, 8]
  const [position, end] = [9, 10]
  const sum = [11, 12, 13, 14]
  const [low, high] = [15, 16]
  const body = [
    // 5 … 10 are addresses, 11 … 16 vectors.
    ...vector([
      [...u(6), I32],
      [...u(6), V128],
    ]),
    ...set(end, add(get(query), shiftLeft(get(width), constant(1)))),
    ...block(
      loop(
        branchIf(1, isAtMost(get(count), constant(0))),
        // Four rows at a time, so that each part of the query is loaded once for four.
        set(row[0], get(rows)),
        ...[1, 2, 3].map((i) => set(row[i], add(get(row[i - 1]), get(width)))),
        set(rows, add(get(row[3]), get(width))),
        ...sum.map((s) => set(s, zeros)),
        set(position, get(query)),
        loop(
          set(low, load(get(position))),
          set(high, load(get(position), 16)),
          ...sum.map((s, i) => set(s, addLanes(get(s), dot(get(low), loadWidened(get(row[i])))))),
          ...sum.map((s, i) => set(s, addLanes(get(s), dot(get(high), loadWidened(get(row[i]), 8))))),
          ...row.map((r) => set(r, add(get(r), constant(16)))),
          set(position, add(get(position), constant(32))),
          branchIf(0, isBelow(get(position), get(end))),
        ),
        set(low, addPairs(get(sum[0]), get(sum[1]))),
        set(high, addPairs(get(sum[2]), get(sum[3]))),
        store(get(out), addLanes(pick(get(low), get(high), [0, 1, 4, 5]), pick(get(low), get(high), [2, 3, 6, 7]))),
        set(out, add(get(out), constant(16))),
        set(count, subtract(get(count), constant(4))),
        branch(0),
      ),
    ),
    END,
  ]
  return Buffer.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector([[0x60, ...vector([[I32], [I32], [I32], [I32], [I32]]), ...vector([])]])),
    ...section(2, vector([[...name('paperkin'), ...name('memory'), 0x02, 0x00, 0x01]])),
    ...section(3, vector([[0]])),
    ...section(7, vector([[...name('scan'), 0x00, 0]])),
    ...section(10, vector([[...u(body.length), ...body]])),
  ])
}
