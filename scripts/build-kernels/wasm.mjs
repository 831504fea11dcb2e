// Six loops as WebAssembly modules (core specification 2.0 with SIMD), assembled without a library. Arguments are byte
// addresses in the imported memory, or counts.

/** LEB128, unsigned. */
function u(value) {
  const out = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return [...out, rest]
    out.push((rest & 127) | 128)
  }
}
/** LEB128, signed. */
function signed(value) {
  const out = []
  for (let rest = value; ; rest >>= 7) {
    if (rest >= -64 && rest < 64) return [...out, rest & 127]
    out.push((rest & 127) | 128)
  }
}
const vector = (items) => [...u(items.length), ...items.flat()]
const section = (id, content) => [id, ...u(content.length), ...content]
const name = (text) => vector([...Buffer.from(text)])

const i32 = 0x7f
const f32 = 0x7d
const f64 = 0x7c
const v128 = 0x7b
const emptyBlock = 0x40
const endOpcode = 0x0b

const get = (local) => [0x20, ...u(local)]
const set = (local, ...value) => [...value.flat(), 0x21, ...u(local)]
const constant = (value) => [0x41, ...signed(value)]
const add = (a, b) => [...a, ...b, 0x6a]
const subtract = (a, b) => [...a, ...b, 0x6b]
const shiftLeft = (a, b) => [...a, ...b, 0x74]
const shiftRight = (a, b) => [...a, ...b, 0x76]
const isAtMost = (a, b) => [...a, ...b, 0x4c]
const storeInteger = (address, value) => [...address, ...value, 0x36, 0, 0]
const isAtLeast = (a, b) => [...a, ...b, 0x4f]
const isBelow = (a, b) => [...a, ...b, 0x49]
const block = (...body) => [0x02, emptyBlock, ...body.flat(), endOpcode]
const loop = (...body) => [0x03, emptyBlock, ...body.flat(), endOpcode]
const when = (condition, ...body) => [...condition, 0x04, emptyBlock, ...body.flat(), endOpcode]
const branch = (depth) => [0x0c, depth]
const branchIf = (depth, condition) => [...condition, 0x0d, depth]

const loadInteger = (address) => [...address, 0x28, 0, 0]
const multiply = (a, b) => [...a, ...b, 0x6c]
const and = (a, b) => [...a, ...b, 0x71]
const isOther = (a, b) => [...a, ...b, 0x47]
const isEither = (a, b) => [...a, ...b, 0x72]
const isNot = (a) => [...a, 0x45]
const trailingZeros = (a) => [...a, 0x68]
const choose = (a, b, condition) => [...a, ...b, ...condition, 0x1b]

const float = (value) => [0x43, ...new Uint8Array(Float32Array.of(value).buffer)]
const loadFloat = (address) => [...address, 0x2a, 0, 0]
const storeFloat = (address, value) => [...address, ...value, 0x38, 0, 0]
const addFloat = (a, b) => [...a, ...b, 0x92]
const subtractFloat = (a, b) => [...a, ...b, 0x93]
const largerFloat = (a, b) => [...a, ...b, 0x97]
const isLargerFloat = (a, b) => [...a, ...b, 0x5e]
const storeDouble = (address, value) => [...address, ...value, 0x39, 0, 0]
/** A float32 as float64. */
const loadDouble = (address) => [...address, 0x2a, 0, 0, 0xbb]
const addDoubles = (a, b) => [...a, ...b, 0xa0]
const multiplyDoubles = (a, b) => [...a, ...b, 0xa2]

const simd = (opcode) => [0xfd, ...u(opcode)]
const load = (address, offset = 0) => [...address, ...simd(0), 0, ...u(offset)]
/** One 32-bit value in all four lanes. */
const loadSplat = (address) => [...address, ...simd(9), 0, 0]
/** Eight int8 values widened to int16. */
const loadWidened = (address, offset = 0) => [...address, ...simd(1), 0, ...u(offset)]
const store = (address, value, offset = 0) => [...address, ...value, ...simd(11), 0, ...u(offset)]
const lanes = (...values) => [...simd(12), ...new Uint8Array(Int32Array.from(values).buffer)]
const zeros = lanes(0, 0, 0, 0)
/** Picks 32-bit lanes of a (0 … 3) and b (4 … 7). */
const pick = (a, b, lanes) => [
  ...a,
  ...b,
  ...simd(13),
  ...lanes.flatMap((lane) => [0, 1, 2, 3].map((i) => 4 * lane + i)),
]
/** Two float32 as two float64. */
const loadPairDouble = (address, offset = 0) => [...address, ...simd(93), 0, ...u(offset), ...simd(95)]
const splatDouble = (address) => [...address, 0x2b, 0, 0, ...simd(20)]
const subtractPairDouble = (a, b) => [...a, ...b, ...simd(241)]
const addPairDouble = (a, b) => [...a, ...b, ...simd(240)]
const multiplyPairDouble = (a, b) => [...a, ...b, ...simd(242)]
const laneFloat = (a, lane) => [...a, ...simd(31), lane]
const laneDouble = (a, lane) => [...a, ...simd(33), lane]
const isAbove = (a, b) => [...a, ...b, ...simd(68)]
const minimum = (a, b) => [...a, ...b, ...simd(234)]
const maximum = (a, b) => [...a, ...b, ...simd(235)]
const splatFloat = (a) => [...a, ...simd(19)]
const addFloats = (a, b) => [...a, ...b, ...simd(228)]
const multiplyFloats = (a, b) => [...a, ...b, ...simd(230)]
/** One bit for each lane whose mask is 1. */
const bitmask = (a) => [...a, ...simd(164)]
const subtractFloats = (a, b) => [...a, ...b, ...simd(229)]
/** Bits of a where the mask is 1, of b where it is 0. */
const select = (a, b, mask) => [...a, ...b, ...mask, ...simd(82)]
const splatInteger = (a) => [...a, ...simd(17)]
const or = (a, b) => [...a, ...b, ...simd(80)]
const hasAny = (a) => [...a, ...simd(83)]
const addLanes = (a, b) => [...a, ...b, ...simd(174)]
/** Products of eight int16 pairs; adjacent ones are added to give four int32. */
const dot = (a, b) => [...a, ...b, ...simd(186)]

/** Adds adjacent lanes: a0+a1, b0+b1, a2+a3, b2+b3. */
const addPairs = (a, b) => addLanes(pick(a, b, [0, 4, 2, 6]), pick(a, b, [1, 5, 3, 7]))

const addFloatPairs = (a, b) => addFloats(pick(a, b, [0, 4, 2, 6]), pick(a, b, [1, 5, 3, 7]))

/** A module with one function over an imported memory: i32 parameters, i32 results, then locals by type. */
function moduleOf({ name: exported, parameters, results, locals, code }) {
  const body = [...vector(locals.map(([count, type]) => [...u(count), type])), ...code, endOpcode]
  const i32s = (count) => vector(new Array(count).fill([i32]))
  return Buffer.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector([[0x60, ...i32s(parameters), ...i32s(results)]])),
    ...section(2, vector([[...name('paperkin'), ...name('memory'), 0x02, 0x00, 0x01]])),
    ...section(3, vector([[0]])),
    ...section(7, vector([[...name(exported), 0x00, 0]])),
    ...section(10, vector([[...u(body.length), ...body]])),
  ])
}

/**
 * scan(rows, count, width, query, out): the dot products of `count` rows of `width` int8 values, stored in sequence
 * from `rows` on, with `width` int16 values at `query`; writes one int32 per row from `out` on. `width` is a multiple
 * of 16, `count` of 4 (or else rounded up: the memory behind is read and written too). Integer sums are the same in any
 * order on any CPU; the caller must rule out overflow.
 */
export function scanModule() {
  const [rows, count, width, query, out] = [0, 1, 2, 3, 4]
  const row = [5, 6, 7, 8]
  const [position, end] = [9, 10]
  const sum = [11, 12, 13, 14]
  const [low, high] = [15, 16]
  return moduleOf({
    name: 'scan',
    parameters: 5,
    results: 0,
    locals: [
      [6, i32],
      [6, v128],
    ],
    code: [
      ...set(end, add(get(query), shiftLeft(get(width), constant(1)))),
      ...block(
        loop(
          branchIf(1, isAtMost(get(count), constant(0))),
          // Four rows at a time, so that each part of the query is loaded once for all four.
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
    ],
  })
}

/**
 * above(values, rows, columns, rowCuts, columnCuts, hits): finds groups of eight float32 values of a `rows × columns`
 * matrix with at least one value above the cut of its row or column. Writes the index of the first value of each such
 * group as int32 from `hits` on, and returns the address after the last. The caller handles columns beyond a multiple
 * of eight.
 */
export function aboveModule() {
  const [values, rows, columns, rowCuts, columnCuts, hits] = [0, 1, 2, 3, 4, 5]
  const [column, cutAddress, address, position, whole] = [6, 7, 8, 9, 10]
  const [cut, first, second] = [11, 12, 13]
  return moduleOf({
    name: 'above',
    parameters: 6,
    results: 1,
    locals: [
      [5, i32],
      [3, v128],
    ],
    code: [
      // columns - columns % 8, as addresses: 4 bytes each.
      ...set(whole, shiftLeft(shiftRight(get(columns), constant(3)), constant(5))),
      ...block(
        branchIf(0, isAtMost(get(whole), constant(0))),
        loop(
          branchIf(1, isAtMost(get(rows), constant(0))),
          set(cut, loadSplat(get(rowCuts))),
          set(column, constant(0)),
          set(cutAddress, get(columnCuts)),
          set(address, get(values)),
          loop(
            set(first, load(get(address))),
            set(second, load(get(address), 16)),
            when(
              hasAny(
                or(
                  or(isAbove(get(first), get(cut)), isAbove(get(first), load(get(cutAddress)))),
                  or(isAbove(get(second), get(cut)), isAbove(get(second), load(get(cutAddress), 16))),
                ),
              ),
              storeInteger(get(hits), add(get(position), shiftRight(get(column), constant(2)))),
              set(hits, add(get(hits), constant(4))),
            ),
            set(address, add(get(address), constant(32))),
            set(cutAddress, add(get(cutAddress), constant(32))),
            set(column, add(get(column), constant(32))),
            branchIf(0, isBelow(get(column), get(whole))),
          ),
          set(values, add(get(values), shiftLeft(get(columns), constant(2)))),
          set(position, add(get(position), get(columns))),
          set(rowCuts, add(get(rowCuts), constant(4))),
          set(rows, subtract(get(rows), constant(1))),
          branch(0),
        ),
      ),
      ...get(hits),
    ],
  })
}

/**
 * dots(left, rights, rows, count, width, out): the dot products in float64 of the `width` float32 values at `left` with
 * `count` rows of a matrix at `rights`, whose row numbers are int32 from `rows` on; writes one float64 each from `out`
 * on. Four running sums as in `exactDot` of src/vectors/kernels.ts, so that both give the same bits.
 */
export function dotsModule() {
  const [left, rights, rows, count, width, out] = [0, 1, 2, 3, 4, 5]
  const [a, b, whole, end] = [6, 7, 8, 9]
  const first = 10
  const [low, high] = [11, 12]
  return moduleOf({
    name: 'dots',
    parameters: 6,
    results: 0,
    locals: [
      [4, i32],
      [1, f64],
      [2, v128],
    ],
    code: [
      ...set(whole, add(get(left), shiftLeft(shiftRight(get(width), constant(2)), constant(4)))),
      ...set(end, add(get(left), shiftLeft(get(width), constant(2)))),
      ...block(
        loop(
          branchIf(1, isAtMost(get(count), constant(0))),
          set(a, get(left)),
          set(b, add(get(rights), multiply(loadInteger(get(rows)), shiftLeft(get(width), constant(2))))),
          set(low, zeros),
          set(high, zeros),
          block(
            loop(
              branchIf(1, isAtLeast(get(a), get(whole))),
              set(low, addPairDouble(get(low), multiplyPairDouble(loadPairDouble(get(a)), loadPairDouble(get(b))))),
              set(
                high,
                addPairDouble(get(high), multiplyPairDouble(loadPairDouble(get(a), 8), loadPairDouble(get(b), 8))),
              ),
              set(a, add(get(a), constant(16))),
              set(b, add(get(b), constant(16))),
              branch(0),
            ),
          ),
          set(first, laneDouble(get(low), 0)),
          block(
            loop(
              branchIf(1, isAtLeast(get(a), get(end))),
              set(first, addDoubles(get(first), multiplyDoubles(loadDouble(get(a)), loadDouble(get(b))))),
              set(a, add(get(a), constant(4))),
              set(b, add(get(b), constant(4))),
              branch(0),
            ),
          ),
          storeDouble(
            get(out),
            addDoubles(
              addDoubles(get(first), laneDouble(get(low), 1)),
              addDoubles(laneDouble(get(high), 0), laneDouble(get(high), 1)),
            ),
          ),
          set(out, add(get(out), constant(8))),
          set(rows, add(get(rows), constant(4))),
          set(count, subtract(get(count), constant(1))),
          branch(0),
        ),
      ),
    ],
  })
}

/**
 * best(values, rows, columns, costs, out): for each row of a `rows × columns` matrix of float32 values minus the cost
 * of their column, the largest, the second largest and the column of the largest. Columns 0, 4, 8 …, columns 1, 5, 9 …
 * and so on are handled separately, which gives four of each: 4 float32, 4 float32, 4 int32, 48 bytes per row from
 * `out` on. `columns` is a positive multiple of four.
 */
export function bestModule() {
  const [values, rows, columns, costs, out] = [0, 1, 2, 3, 4]
  const [cost, end] = [5, 6]
  const [value, largest, second, column, found, four] = [7, 8, 9, 10, 11, 12]
  // The bits of -Infinity.
  const least = lanes(-8388608, -8388608, -8388608, -8388608)
  return moduleOf({
    name: 'best',
    parameters: 5,
    results: 0,
    locals: [
      [2, i32],
      [6, v128],
    ],
    code: [
      ...set(end, add(get(costs), shiftLeft(get(columns), constant(2)))),
      ...set(four, splatInteger(constant(4))),
      ...block(
        loop(
          branchIf(1, isAtMost(get(rows), constant(0))),
          set(largest, least),
          set(second, least),
          set(found, zeros),
          set(column, lanes(0, 1, 2, 3)),
          set(cost, get(costs)),
          loop(
            set(value, subtractFloats(load(get(values)), load(get(cost)))),
            set(found, select(get(column), get(found), isAbove(get(value), get(largest)))),
            set(second, maximum(get(second), minimum(get(largest), get(value)))),
            set(largest, maximum(get(largest), get(value))),
            set(column, addLanes(get(column), get(four))),
            set(values, add(get(values), constant(16))),
            set(cost, add(get(cost), constant(16))),
            branchIf(0, isBelow(get(cost), get(end))),
          ),
          store(get(out), get(largest)),
          store(get(out), get(second), 16),
          store(get(out), get(found), 32),
          set(out, add(get(out), constant(48))),
          set(rows, subtract(get(rows), constant(1))),
          branch(0),
        ),
      ),
    ],
  })
}

/**
 * nearest(row, rows, width, bounds, columns, centroids, gains, costs, halves, clusters, list, reports, margin): for
 * each of `rows` rows of `width` float32 values from `row` on, finds the centroid with the largest product minus its
 * half, skipping centroids that cannot have it. `bounds` holds, for each row, `columns` float32 upper bounds of its
 * products. Each is raised by its column's gain; the product is computed only if bound - cost exceeds the score of the
 * row's own centroid, and then replaces the bound. For each row whose centroid differs from its cluster, writes two
 * int32 from `reports` on: its number and the centroid's, or -1 if the second best is not the `margin` (an address)
 * below. Returns the address after the last. `list` is scratch for `columns + 3` int32. `width` is a multiple of 16,
 * `columns` of 4; the last column is never the best (its cost and half are infinite) but has a centroid too.
 */
export function nearestModule() {
  const [row, rows, width, bounds, columns, centroids, gains, costs, halves, clusters, list, reports, margin] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
  ]
  const [own, number, address, end, bound, gain, cost, column, mask, last, place, found, bytes] = [
    13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
  ]
  const other = [26, 27, 28, 29]
  const [dot, best, second, score] = [30, 31, 32, 33]
  const sum = [34, 35, 36, 37]
  const [value, limit] = [38, 39]
  const four = (index) => shiftLeft(get(index), constant(2))
  /** Products of the row with `size` centroids of the list, four sums at a time; updates the bounds and the best. */
  const take = (size) => [
    ...set(address, get(row)),
    ...other
      .slice(0, size)
      .flatMap((o, i) =>
        set(o, add(get(centroids), multiply(loadInteger(add(get(place), constant(4 * i))), get(bytes)))),
      ),
    ...sum.flatMap((s) => set(s, zeros)),
    ...loop(
      ...[0, 16, 32, 48].map((offset, part) => [
        ...set(value, load(get(address), offset)),
        ...other.slice(0, size).flatMap((o, i) => {
          const s = sum[size === 4 ? i : 2 * i + (part % 2)]
          return set(s, addFloats(get(s), multiplyFloats(get(value), load(get(o), offset))))
        }),
      ]),
      set(address, add(get(address), constant(64))),
      ...other.slice(0, size).map((o) => set(o, add(get(o), constant(64)))),
      branchIf(0, isBelow(get(address), get(end))),
    ),
    ...set(value, addFloatPairs(get(sum[0]), get(sum[1]))),
    ...set(sum[0], addFloatPairs(get(sum[2]), get(sum[3]))),
    // For four centroids, their sums; for two, the first's in lanes 0 and 1, the second's in 2 and 3.
    ...set(value, addFloats(pick(get(value), get(sum[0]), [0, 1, 4, 5]), pick(get(value), get(sum[0]), [2, 3, 6, 7]))),
    ...other
      .slice(0, size)
      .flatMap((_, i) => [
        ...set(column, loadInteger(add(get(place), constant(4 * i)))),
        ...set(
          dot,
          size === 4
            ? laneFloat(get(value), i)
            : addFloat(laneFloat(get(value), 2 * i), laneFloat(get(value), 2 * i + 1)),
        ),
        ...storeFloat(add(get(bounds), four(column)), get(dot)),
        ...set(score, subtractFloat(get(dot), loadFloat(add(get(halves), four(column))))),
        ...set(mask, isLargerFloat(get(score), get(best))),
        ...set(second, largerFloat(get(second), choose(get(best), get(score), get(mask)))),
        ...set(best, largerFloat(get(best), get(score))),
        ...set(found, choose(get(column), get(found), get(mask))),
      ]),
    ...set(place, add(get(place), constant(4 * size))),
  ]
  return moduleOf({
    name: 'nearest',
    parameters: 13,
    results: 1,
    locals: [
      [17, i32],
      [4, f32],
      [6, v128],
    ],
    code: [
      ...set(bytes, four(width)),
      ...block(
        loop(
          branchIf(1, isAtLeast(get(number), get(rows))),
          set(end, add(get(row), get(bytes))),
          // The product with the row's own centroid, in sixteen sums.
          set(own, loadInteger(get(clusters))),
          set(address, get(row)),
          set(other[0], add(get(centroids), multiply(get(own), get(bytes)))),
          ...sum.map((s) => set(s, zeros)),
          loop(
            ...sum.map((s, i) =>
              set(s, addFloats(get(s), multiplyFloats(load(get(address), 16 * i), load(get(other[0]), 16 * i)))),
            ),
            set(address, add(get(address), constant(64))),
            set(other[0], add(get(other[0]), constant(64))),
            branchIf(0, isBelow(get(address), get(end))),
          ),
          set(value, addFloats(addFloats(get(sum[0]), get(sum[1])), addFloats(get(sum[2]), get(sum[3])))),
          set(
            dot,
            addFloat(
              addFloat(laneFloat(get(value), 0), laneFloat(get(value), 1)),
              addFloat(laneFloat(get(value), 2), laneFloat(get(value), 3)),
            ),
          ),
          set(best, subtractFloat(get(dot), loadFloat(add(get(halves), four(own))))),
          set(limit, splatFloat(get(best))),
          // The others that can be better; the row's own centroid is excluded meanwhile.
          storeFloat(add(get(bounds), four(own)), float(-Infinity)),
          set(bound, get(bounds)),
          set(gain, get(gains)),
          set(cost, get(costs)),
          set(column, constant(0)),
          set(last, get(list)),
          loop(
            set(value, addFloats(load(get(bound)), load(get(gain)))),
            store(get(bound), get(value)),
            set(mask, bitmask(isAbove(subtractFloats(get(value), load(get(cost))), get(limit)))),
            block(
              loop(
                branchIf(1, isNot(get(mask))),
                storeInteger(get(last), add(get(column), trailingZeros(get(mask)))),
                set(last, add(get(last), constant(4))),
                set(mask, and(get(mask), subtract(get(mask), constant(1)))),
                branch(0),
              ),
            ),
            set(bound, add(get(bound), constant(16))),
            set(gain, add(get(gain), constant(16))),
            set(cost, add(get(cost), constant(16))),
            set(column, add(get(column), constant(4))),
            branchIf(0, isBelow(get(column), get(columns))),
          ),
          storeFloat(add(get(bounds), four(own)), get(dot)),
          set(found, get(own)),
          set(second, float(-Infinity)),
          // Four at a time, then two; the last column is the padding.
          storeInteger(get(last), subtract(get(columns), constant(1))),
          storeInteger(add(get(last), constant(4)), subtract(get(columns), constant(1))),
          set(place, get(list)),
          block(
            loop(
              branchIf(1, isAtLeast(get(place), get(last))),
              when(isBelow(add(get(place), constant(8)), get(last)), take(4), branch(1)),
              take(2),
              branch(0),
            ),
          ),
          set(mask, isNot(isLargerFloat(subtractFloat(get(best), get(second)), loadFloat(get(margin))))),
          when(
            isEither(get(mask), isOther(get(found), get(own))),
            storeInteger(get(reports), get(number)),
            storeInteger(add(get(reports), constant(4)), choose(constant(-1), get(found), get(mask))),
            set(reports, add(get(reports), constant(8))),
          ),
          set(row, get(end)),
          set(bounds, add(get(bounds), four(columns))),
          set(clusters, add(get(clusters), constant(4))),
          set(number, add(get(number), constant(1))),
          branch(0),
        ),
      ),
      ...get(reports),
    ],
  })
}

/**
 * move(row, to, from, width, shift): rounds each of `width` float32 values by adding and subtracting the float64 at
 * `shift`, adds it to the float64 values from `to` on and subtracts it from those from `from` on. `width` is a multiple
 * of 4.
 */
export function moveModule() {
  const [row, to, from, width, shift] = [0, 1, 2, 3, 4]
  const end = 5
  const [rounding, value] = [6, 7]
  return moduleOf({
    name: 'move',
    parameters: 5,
    results: 0,
    locals: [
      [1, i32],
      [2, v128],
    ],
    code: [
      ...set(end, add(get(row), shiftLeft(get(width), constant(2)))),
      ...set(rounding, splatDouble(get(shift))),
      ...loop(
        ...[0, 1].map((half) => [
          ...set(
            value,
            subtractPairDouble(addPairDouble(loadPairDouble(get(row), 8 * half), get(rounding)), get(rounding)),
          ),
          ...store(get(to), addPairDouble(load(get(to), 16 * half), get(value)), 16 * half),
          ...store(get(from), subtractPairDouble(load(get(from), 16 * half), get(value)), 16 * half),
        ]),
        set(row, add(get(row), constant(16))),
        set(to, add(get(to), constant(32))),
        set(from, add(get(from), constant(32))),
        branchIf(0, isBelow(get(row), get(end))),
      ),
    ],
  })
}
